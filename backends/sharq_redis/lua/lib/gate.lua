-- The gate: what is set for a type, and what holds all its queues together.
--
-- A type for which something is set has a key of its own, packed values: version of the format, text of the settings
-- of its gate, text of the defaults for its queues (lib/rules.lua), version of these (lib/defaults.lua), and when a
-- freeze ends. A gate with limits has another, from its first delivery on: when the latest was, and the debts
-- (lib/limits.lua). The totals tell how many leases the type has. So most types pay for one read in a call.

do
    local FORMAT = 1
    local NO_LIMITS = {}
    local NOTHING = {settings = '', defaults = '', version = 0, frozen_until = 0}
    local MAX_KNOWN = 1000              -- stored texts that are kept parsed between calls
    local known, count = {}, 0

    local set                           -- what is set for the type of this call, if anything is
    local rules, limits, owed, last     -- of the gate
    local leased                        -- how many leases the type had as the call began
    local ready_before                  -- when the gate was ready then, not before now
    local is_paid                       -- whether what is owed is to be written
    local was_ahead                     -- whether `last` lay ahead, or what is owed was damaged

    local function parse(raw)
        local fine, format, settings, defaults, version, frozen_until = pcall(cmsgpack.unpack, raw)
        if not fine or format ~= FORMAT or not Limits.is_whole(version) or not Limits.is_whole(frozen_until) then
            error('what is set for the type is damaged, or of another version')
        end
        Rules.of(settings)              -- raise if they are damaged
        Rules.of(defaults)
        return {settings = settings, defaults = defaults, version = version, frozen_until = frozen_until}
    end

    local function parsed(raw)
        local found = known[raw]
        if not found then
            found = parse(raw)
            if count == MAX_KNOWN then
                known, count = {}, 0
            end
            known[raw], count = found, count + 1
        end
        return found
    end

    local function present()
        return type_settings and set or NOTHING
    end

    -- Return whether a gate can owe these debts as of `latest`.
    local function can_owe(latest, debts)
        local fine = Limits.is_whole(latest) and type(debts) == 'table'
        for at = 1, fine and #limits or 0 do
            fine = fine and Limits.is_whole(debts[at] or 0)
        end
        return fine
    end

    -- Read what the gate owes. Where that is damaged, it owes one unit of each limit as of now.
    local function read_debts()
        owed, last, was_ahead = {}, NEVER, false
        local raw = #limits > 0 and try('GET', GATE)
        if raw then
            local fine, latest, debts = pcall(cmsgpack.unpack, raw)
            if fine and can_owe(latest, debts) then
                owed, last, was_ahead = debts, math.min(latest, now), latest > now
            else
                last, was_ahead = now, true
            end
        end
    end

    -- Return the instant at which every hold of the gate has ended, NO_END if only an event ends one. If there is a
    -- list, add the holds that stand.
    local function ready_at(list)
        if not has_gate then
            return 0
        end
        owed.f = set.frozen_until
        return Holds.ready_at(rules, limits, owed, last, rules.concurrency and leased + leases_more or 0, nil, list)
    end

    -- Work out the gate from what is set.
    local function take_up(found)
        set, has_gate = found, found.settings ~= '' or found.frozen_until > now
        rules = Rules.of(found.settings)
        limits = rules.limits or NO_LIMITS
        leased = rules.concurrency and Totals.leased() or 0
        Defaults.begin(found.defaults, found.version)
    end

    -- Take up what is set for the type, as it was read.
    function Gate.begin()
        is_paid, ready_before = false, now
        take_up(parsed(type_settings))
        if has_gate then
            read_debts()
            ready_before = math.max(now, ready_at())
        end
    end

    -- Return whether the gate lets nothing through now.
    function Gate.is_closed()
        return ready_at() > now
    end

    -- Note a delivery of a job that costs so much (a map, or nil).
    function Gate.pay(cost)
        if has_gate and #limits > 0 then
            Limits.pay(limits, owed, last, cost, now)
            last, is_paid = now, true
        end
    end

    -- Correct what a job paid that cost so much, by what it took (a map).
    function Gate.correct(cost, actual)
        if has_gate and #limits > 0 then
            Limits.correct(limits, owed, last, cost, actual)
            last, is_paid = now, true
        end
    end

    -- Return a list of the holds of the gate that stand (lib/holds.lua), and when a freeze ends or -1.
    function Gate.holds()
        local holds = {}
        ready_at(holds)
        local frozen_until = present().frozen_until
        return holds, frozen_until > now and frozen_until or -1
    end

    -- Return the instant at which a job is to be expected that could go at `instant` without a gate.
    function Gate.foreseen(instant)
        if instant == NO_END then
            return instant
        elseif rules.paused then
            return NO_END
        end
        local ready = ready_at()
        if ready == NO_END then         -- a lease must end first
            ready = math.max(first_instant(EXPIRING) or 0, Holds.ready_at(NO_RULES, limits, owed, last, 0))
        end
        return math.max(instant, ready)
    end

    -- Return when a place may be ready that this call gave and that is ready at `since` (nil: it gave none); nil if
    -- that is not foreseen. If the call has opened the gate, that counts for all places; then also return true.
    function Gate.lets_through(since)
        local ready = math.max(now, ready_at())
        if ready < ready_before then
            local first = first_instant(LINE)
            return first and first < NO_END and math.max(first, ready), true
        end
        return since and ready < NO_END and math.max(since, ready)
    end

    -- Return the texts of what is set: for the gate, and for the queues.
    function Gate.texts()
        return present().settings, present().defaults
    end

    local function write_debts()
        if last == NEVER then
            call('UNLINK', GATE)
        else
            owed.f = nil
            call('SET', GATE, cmsgpack.pack(last, owed))
        end
        is_paid, was_ahead = false, false
    end

    -- Write what is owed, if that has changed.
    function Gate.write()
        if is_paid then
            write_debts()
        end
    end

    -- Remove the key if nothing is set any more, not even a version of the defaults that a queue could have. Return when
    -- to look again, math.huge if an event will tell.
    function Gate.tidy()
        local that = present()
        if that.settings ~= '' or that.defaults ~= '' then
            return math.huge
        elseif that.frozen_until > now then
            return that.frozen_until
        elseif type_settings and (that.version == 0 or call('EXISTS', QUEUES) == 0) then
            call('UNLINK', SETTINGS)
            type_settings = false
        end
        return math.huge
    end

    -- Have what is owed written if it lay ahead: the clock has stepped back. Likewise if it was damaged.
    function Gate.bring_to_now()
        if was_ahead then
            write_debts()
        end
    end

    -- Put other settings and defaults in the place of what is set, and freeze the type for so many ms, 0 to end a
    -- freeze, -1 to leave that as it is.
    function Gate.change(settings, defaults, freeze_ms)
        local that = present()
        local after = {settings = settings, defaults = defaults, version = that.version,
            frozen_until = that.frozen_until}
        if freeze_ms >= 0 then
            after.frozen_until = freeze_ms > 0 and now + freeze_ms or 0
        end
        Rules.of(settings)              -- raise if they are damaged
        Rules.of(defaults)
        local before = has_gate and limits or NO_LIMITS
        if defaults ~= that.defaults then
            after.version = math.max(that.version + 1, now)
            Defaults.begin_walk()
        end
        if not has_gate then
            owed, last, is_paid, was_ahead, ready_before = {}, NEVER, false, false, now
        end
        take_up(after)
        has_gate = true                 -- for this call, so that it notices if the gate is open now
        if Limits.change(before, limits, owed, last) then
            last = #limits > 0 and last or NEVER
            write_debts()
        end
        type_settings = cmsgpack.pack(FORMAT, settings, defaults, after.version, after.frozen_until)
        call('SET', SETTINGS, type_settings)
        if Gate.tidy() < math.huge then
            call('ZADD', DUE, 'LT', integer(after.frozen_until), Scope.type_name())
        end
    end
end

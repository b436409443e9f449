-- The gate: what is set for a type, and the limiter (lib/limiter.lua) that holds all its queues together.
--
-- A type for which something is set has a key of its own, packed values: version of the format, text of the settings
-- of its gate, text of the defaults for its queues (lib/rules.lua), version of these (lib/defaults.lua), and when a
-- freeze ends. The format says whether the type has shared limits (lib/shared.lua). A gate with limits has another key,
-- from its first delivery on: when the latest was, and the debts. The totals tell how many leases the type has. So most
-- types pay for one read in a call.

do
    local PLAIN, SHARING = 1, 2         -- formats: without and with shared limits
    local NOTHING = {settings = '', defaults = '', version = 0, frozen_until = 0}
    local MAX_KNOWN = 1000              -- stored texts that are kept parsed between calls
    local known, count = {}, 0

    local set                           -- what is set for the type of this call, if anything is
    local gate                          -- its limiter
    local leased                        -- how many leases the type had as the call began
    local is_paid                       -- whether what is owed is to be written

    local function parse(raw)
        local fine, format, settings, defaults, version, frozen_until = pcall(cmsgpack.unpack, raw)
        if not fine or (format ~= PLAIN and format ~= SHARING) or not Limits.is_whole(version)
            or not Limits.is_whole(frozen_until) then
            error('what is set for the type is damaged, or of another version')
        end
        Rules.of(settings)              -- raise if they are damaged
        Rules.of(defaults)
        return {settings = settings, defaults = defaults, version = version, frozen_until = frozen_until,
            has_shared = format == SHARING}
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

    -- Read what the gate owes. Where that is damaged, it owes one unit of each limit as of now.
    local function read_debts()
        local raw = #gate.limits > 0 and try('GET', GATE)
        if raw then
            local fine, latest, debts = pcall(cmsgpack.unpack, raw)
            if not fine or not Limiter.owe(gate, latest, debts) then
                gate.last, gate.was_ahead = now, true
            end
        end
    end

    local function counted()
        Limiter.count_leases(gate, gate.rules.concurrency and leased + leases_more or 0)
        return gate
    end

    -- Begin a call on a type for which nothing is set, but which may get something.
    local function begin_with_nothing()
        set, gate, leased, is_paid = NOTHING, Limiter.made(NO_RULES, 0), 0, false
    end

    -- Take up what is set for the type, as it was read.
    function Gate.begin()
        set, is_paid = parsed(type_settings), false
        has_gate = set.settings ~= '' or set.frozen_until > now
        has_shared = set.has_shared
        Defaults.begin(set.defaults, set.version)
        gate = Limiter.made(Rules.of(set.settings), set.frozen_until)
        leased = gate.rules.concurrency and Totals.leased() or 0
        if has_gate then
            read_debts()
            Limiter.note_ready(counted())
        end
    end

    -- Return whether the gate lets nothing through now.
    function Gate.is_closed()
        return has_gate and Limiter.is_closed(counted())
    end

    -- Note a delivery of a job that costs so much (a map, or nil).
    function Gate.pay(cost)
        is_paid = has_gate and Limiter.pay(gate, cost) or is_paid
    end

    -- Correct what a job paid that cost so much, by what it took (a map).
    function Gate.correct(cost, actual)
        is_paid = has_gate and Limiter.correct(gate, cost, actual) or is_paid
    end

    -- Return a list of the holds of the gate that stand (lib/holds.lua), and when a freeze ends or -1.
    function Gate.holds()
        local holds = {}
        if has_gate then
            Limiter.ready_at(counted(), holds)
        end
        local frozen_until = present().frozen_until
        return holds, frozen_until > now and frozen_until or -1
    end

    -- Return the instant at which a job is to be expected that could go at `instant` without a gate.
    function Gate.foreseen(instant)
        return Limiter.foreseen(counted(), instant)
    end

    -- Return when a place may be ready that this call gave and that is ready at `since` (nil: it gave none); nil if
    -- that is not foreseen. If the call has opened the gate, that counts for all places; then also return true.
    function Gate.lets_through(since)
        local opened_at = Limiter.opened_at(counted())
        if opened_at then
            local first = first_instant(LINE)
            return first and first < NO_END and math.max(first, opened_at), true
        end
        local ready = math.max(now, Limiter.ready_at(gate))
        return since and ready < NO_END and math.max(since, ready)
    end

    -- Return the texts of what is set: for the gate, and for the queues.
    function Gate.texts()
        return present().settings, present().defaults
    end

    local function write_debts()
        if gate.last == NEVER then
            call('UNLINK', GATE)
        else
            call('SET', GATE, cmsgpack.pack(gate.last, Limiter.debts(gate)))
        end
        is_paid, gate.was_ahead = false, false
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
        if that.settings ~= '' or that.defaults ~= '' or that.has_shared then
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
        if gate.was_ahead then
            write_debts()
        end
    end

    -- Write what is set for the type.
    local function write(after)
        type_settings, set = cmsgpack.pack(after.has_shared and SHARING or PLAIN, after.settings, after.defaults,
            after.version, after.frozen_until), after
        call('SET', SETTINGS, type_settings)
    end

    local function copy_of(that)
        return {settings = that.settings, defaults = that.defaults, version = that.version,
            frozen_until = that.frozen_until, has_shared = that.has_shared}
    end

    -- Note whether the type has shared limits.
    function Gate.share(has_some)
        if not type_settings then
            begin_with_nothing()
        end
        local after = copy_of(present())
        after.has_shared = has_some
        write(after)
        has_shared = has_some
        Gate.tidy()
    end

    -- Put other settings and defaults in the place of what is set, and freeze the type for so many ms, 0 to end a
    -- freeze, -1 to leave that as it is.
    function Gate.change(settings, defaults, freeze_ms)
        local rules, that = Rules.of(settings), present()       -- raise if they are damaged
        Rules.of(defaults)
        local after = copy_of(that)
        after.settings, after.defaults = settings, defaults
        if freeze_ms >= 0 then
            after.frozen_until = freeze_ms > 0 and now + freeze_ms or 0
        end
        if defaults ~= that.defaults then
            after.version = math.max(that.version + 1, now)
            Defaults.begin_walk()
        end
        if not type_settings then
            begin_with_nothing()
        elseif not has_gate then
            gate = Limiter.made(NO_RULES, 0)
        end
        Defaults.begin(defaults, after.version)
        gate.owed.f, leased = after.frozen_until, rules.concurrency and Totals.leased() or 0
        has_gate = true                 -- for this call, so that it notices if the gate is open now
        if Limiter.change(gate, rules) then
            write_debts()
        end
        write(after)
        if Gate.tidy() < math.huge then
            call('ZADD', DUE, 'LT', integer(after.frozen_until), Scope.type_name())
        end
    end
end

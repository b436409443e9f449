-- Shared limits: limiters with a name, which queues use and leases are charged to (lib/charging.lua).
--
-- Each is a field of the hash `limits`: version, until when it is frozen, its latest delivery, how many leases are charged
-- to it, how often it is named in settings and by what living queues have (lib/naming.lua), how many queues with a place
-- use it, how many of these no other one, how many rows are benched with it (lib/benches.lua), the number of its entry in
-- the line (these two are stored as one more), and the text of its settings (lib/rules.lua) with its length; then, if it
-- has any, debts and counts (lib/limiter.lua), packed. Its name is also a member of the zset `names`, which is in order.
--
-- Its entry is the least place on its bench, or the instant at which it opens, if that is later. A step that changes it or
-- its bench sets the entry anew. Entries and records are written at the end of a step.

do
    local VERSION, NO_ENTRY = 1, -1
    local RECORD = '>BI7I7I4I4I4I4I4I4I6I2c0'
    local NO_COUNTS = {}
    local MARK, MARK_BYTE = '/', 47     -- stands in an entry where a queue id begins; no id holds it
    local loaded                    -- name -> shared limit of this call, false if there is none
    local unsettled, changed        -- those whose entries are to be set anew; those that are to be written
    local left, taken, records = {n = 0}, {n = 0}, {n = 0}     -- likewise: entries, and the fields of the hash

    function Shared.begin()
        Scope.share()
        loaded, unsettled, changed = {}, {n = 0}, {n = 0}
        left.n, taken.n, records.n = 0, 0, 0
        Rows.begin()
    end

    function Shared.is_entry(member)
        return string.byte(member, 7) == MARK_BYTE
    end

    -- Return the name in an entry.
    function Shared.name_in(entry)
        return string.sub(entry, 8)
    end

    -- Return the entry of a shared limit: as it is now, or with another number.
    function Shared.entry_of(limit, number)
        return Line.member(number or limit.entry, MARK .. limit.name)
    end
    local entry_of = Shared.entry_of

    -- Return whether the entry of a shared limit is ready.
    function Shared.is_due(limit)
        local at = limit.entry ~= NO_ENTRY and call('ZSCORE', LINE, entry_of(limit))
        return at and tonumber(at) <= now
    end

    -- Return a shared limit as a limiter that owes nothing. All its fields are there at once, so that none makes the table
    -- grow.
    local function made(name, text, frozen_until, last, leased, in_settings, by_living, queues, alone, benched, entry)
        local rules = Rules.of(text)
        return {name = name, text = text, in_settings = in_settings, by_living = by_living, queues = queues,
            alone = alone, benched = benched, entry = entry, stored_entry = entry, entry_at = 0, first_listed = false,
            row = false, is_listed = false, is_changed = false, is_unsettled = false, is_set = false, was_ahead = false,
            stored_last = 0, rules = rules, limits = rules.limits or NO_LIMITS, owed = {f = frozen_until}, last = last,
            leased = leased, ready_before = now, ready = false}
    end

    local function parse(name, raw)
        local version, frozen_until, last, leased, in_settings, by_living, queues, alone, benched, entry, text, rest =
            struct.unpack(RECORD, raw)
        local limit = made(name, text, frozen_until, last - 1, leased, in_settings, by_living, queues, alone, benched,
            entry - 1)
        if version ~= VERSION then
            error('it is of another version')
        end
        if rest <= #raw or last > now then      -- most owe one unit of each limit, and have no counts
            local debts, counts = {}, NO_COUNTS
            if rest <= #raw then
                debts, counts = cmsgpack.unpack(string.sub(raw, rest))
            end
            Limiter.count(limit, counts)
            if not Limiter.owe(limit, last - 1, debts) then
                error('its debts are damaged')
            end
        end
        Limiter.note_ready(limit)
        return limit
    end

    -- Read a shared limit. Raise if it is damaged.
    local function take_up(name, raw)
        local fine, limit = pcall(parse, name, raw)
        if not fine then
            error('the shared limit ' .. name .. ' is damaged, or of another version')
        end
        loaded[name] = limit
        return limit
    end

    -- Return a shared limit, false if there is none. Raise if it is damaged.
    function Shared.find(name)
        if not has_shared then
            return false
        end
        local limit = loaded[name]
        if limit == nil then
            local raw = call('HGET', LIMITS, name)
            limit = raw and take_up(name, raw)
            loaded[name] = limit
        end
        return limit
    end

    -- Return a shared limit that must be there.
    function Shared.get(name)
        return Shared.find(name) or error('the shared limit ' .. name .. ' is missing')
    end

    -- Read the shared limits with these names in one go; raise if one is damaged.
    function Shared.prefetch(names)
        local raws = call('HMGET', LIMITS, unpack(names))
        for at = 1, #names do
            local name, raw = names[at], raws[at]
            if raw and loaded[name] == nil then
                loaded[name] = parse(name, raw)
            end
        end
    end

    local function list(limit)
        local n = changed.n + 1
        limit.is_listed, changed[n], changed.n = true, limit, n
    end

    -- Note that the entry of a shared limit is to be set anew.
    function Shared.unsettle(limit)
        if not limit.is_unsettled then
            local n = unsettled.n + 1
            limit.is_unsettled, unsettled[n], unsettled.n = true, limit, n
            if not limit.is_listed then
                list(limit)
            end
        end
    end
    local unsettle = Shared.unsettle

    -- Note that a shared limit has changed: it is to be written, and its entry set anew.
    function Shared.changed(limit)
        limit.is_changed = true
        unsettle(limit)
    end

    -- Note that a number of a shared limit has changed that its entry does not depend on.
    function Shared.counted(limit)
        limit.is_changed = true
        if not limit.is_listed then
            list(limit)
        end
    end

    -- Raise if no shared limit could be created.
    function Shared.check()
        Scope.share()
        call('HLEN', LIMITS)
        call('ZCARD', NAMES)
    end

    -- Return whether anything uses a shared limit. No queue that was lost with its record does.
    function Shared.is_used(limit)
        if limit.by_living + limit.leased + limit.queues > 0 and Types.is_empty() then
            limit.by_living, limit.queues, limit.alone, limit.benched = 0, 0, 0, 0
            Limiter.count_leases(limit, 0)
            Shared.changed(limit)
        end
        return limit.in_settings + limit.by_living + limit.leased > 0
    end

    -- Create a shared limit that is missing.
    function Shared.create(name, text)
        if not has_shared then
            Gate.share(true)
            Shared.begin()
        end
        local limit = made(name, text, 0, NEVER, 0, 0, 0, 0, 0, 0, NO_ENTRY)
        loaded[name] = limit
        call('ZADD', NAMES, 0, name)
        Shared.changed(limit)
        return limit
    end

    -- Give a shared limit other settings, and freeze it for so many ms, 0 to end a freeze, -1 to leave that as it is.
    -- If `left` is given, '' forgets the counts of all units; else take note that so many of a unit are left until an
    -- instant.
    function Shared.change(limit, text, freeze_ms, left, ends_at, unit)
        if text ~= limit.text then
            Limiter.change(limit, Rules.of(text))
            limit.text = text
        end
        if freeze_ms >= 0 then
            Limiter.freeze(limit, freeze_ms)
        end
        if left == '' then
            Limiter.forget_counts(limit)
        elseif left then
            Limiter.note_left(limit, left, ends_at, unit)
        end
        Shared.changed(limit)
    end

    -- Remove a shared limit that nothing uses.
    function Shared.drop(limit)
        loaded[limit.name] = false
        call('HDEL', LIMITS, limit.name)
        call('ZREM', NAMES, limit.name)
        if call('EXISTS', LIMITS) == 0 then
            Gate.share(false)
        end
    end

    -- Find out where the entry of a shared limit is to stand.
    local function settle(limit)
        local since, number = Benches.first_place(limit)
        local at = NO_END
        if since then
            local ready = limit.ready or Limiter.ready_at(limit)
            at = ready > now and ready > since and ready or since
        end
        limit.entry, limit.entry_at = at < NO_END and number or NO_ENTRY, at
        limit.is_set, limit.is_unsettled = true, false
        if limit.entry ~= limit.stored_entry or limit.was_ahead then
            limit.is_changed, limit.was_ahead = true, false
        end
    end

    -- End the step of an item: set the entries anew of the shared limits that it changed. `moved` is called with each, if
    -- it is given.
    function Shared.settle(moved)
        Rows.settle()
        if unsettled.n == 0 then
            return
        end
        for at = 1, unsettled.n do
            local limit = unsettled[at]
            if loaded[limit.name] == limit then     -- else it was dropped
                settle(limit)
                if moved then
                    moved(limit)
                end
            end
        end
        unsettled.n = 0
    end

    local function packed(limit)
        local last = limit.was_ahead and limit.stored_last or limit.last    -- it was only counted
        local packed_record = struct.pack(RECORD, VERSION, limit.owed.f, last + 1, limit.leased, limit.in_settings,
            limit.by_living, limit.queues, limit.alone, limit.benched, limit.entry + 1, #limit.text, limit.text)
        local owed = limit.owed
        if (next(owed) ~= 'f' or next(owed, 'f')) and Limiter.owes_more(limit) then
            return packed_record .. cmsgpack.pack(Limiter.debts(limit), owed.r or NO_COUNTS)
        end
        return packed_record
    end

    local function add(limit)
        local before, entry = limit.stored_entry, limit.entry
        if limit.is_set then
            local name = MARK .. limit.name
            if before ~= entry and before ~= NO_ENTRY then
                local n = left.n + 1
                left[n], left.n = Line.member(before, name), n
            end
            if entry ~= NO_ENTRY then
                local n = taken.n
                taken[n + 1], taken[n + 2], taken.n = integer(limit.entry_at), Line.member(entry, name), n + 2
            end
            limit.is_set, limit.stored_entry = false, entry
        end
        if limit.is_changed then
            local n = records.n
            records[n + 1], records[n + 2], records.n = limit.name, packed(limit), n + 2
        end
        limit.is_listed, limit.is_changed = false, false
    end

    -- Write the shared limits that have changed since this was called last, and their entries.
    function Shared.write()
        for at = 1, changed.n do
            if loaded[changed[at].name] == changed[at] then     -- else it was dropped
                add(changed[at])
            end
        end
        changed.n = 0
        Writes.send(left, 'ZREM', LINE)
        Writes.send(taken, 'ZADD', LINE)
        Writes.send(records, 'HSET', LIMITS)
    end

    -- Return whether an event of this call has opened a shared limit for which queues stand in rows.
    function Shared.is_one_opened()
        for _, limit in next, loaded do
            if limit and limit.ready_before > now and limit.queues > 0 and Limiter.opened_at(limit) then
                return true
            end
        end
        return false
    end
end

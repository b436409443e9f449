-- Charging: what deliveries pay to shared limits, and which leases count there.
--
-- A lease has in its tail, as s, the name of the row by whose shared limits its job went (lib/rows.lua). It stays
-- charged to those, whatever its queue uses by then. Of the leases that do not stand in the queue's record, the tail of
-- the record has, as g, how many are charged to each row, so that a cleared queue gives them all back.

do
    local NOTHING_CHARGED = {}

    -- Note in the record of a queue how many more of its leases that stand elsewhere are charged to a row.
    function Charging.list(queue, row, more)
        local features = queue[FEATURES] or {}
        local charged = features.g or {}
        local leases = (charged[row.name] or 0) + more
        charged[row.name] = leases > 0 and leases or nil
        features.g = next(charged) and charged or nil
        queue[FEATURES], queue[RETAILED] = features, true
    end

    -- Charge a lease to the shared limits of a row, and let them be paid for its job, which costs so much (a map, or
    -- nil).
    function Charging.charge(row, cost)
        local limits = row.limits
        for at = 1, #limits do
            local limit = limits[at]
            limit.leased = limit.leased + 1
            Limiter.pay(limit, cost)
            Shared.changed(limit)
        end
    end

    -- Give so many leases back to the shared limits of a row.
    local function give_back(row, leases)
        for at = 1, #row.limits do
            local limit = row.limits[at]
            Limiter.count_leases(limit, math.max(0, limit.leased - leases))
            Shared.changed(limit)
        end
    end
    Charging.give_back = give_back

    -- Give back all leases of a queue, which are to end.
    function Charging.give_back_all(queue)
        if queue[LEASE] ~= '' and queue[CHARGED] then
            give_back(queue[CHARGED], 1)
        end
        local features = queue[FEATURES]
        if features and features.g then
            for name, leases in next, features.g do
                give_back(Rows.named(name), leases)
            end
            features.g, queue[RETAILED] = nil, true
        end
    end

    -- Correct what a job paid that cost so much to the shared limits of a row, by what it took (a map).
    function Charging.correct(name, cost, actual)
        local limits = name ~= '' and Rows.named(name).limits or NOTHING_CHARGED
        for at = 1, #limits do
            if Limiter.correct(limits[at], cost, actual) then
                Shared.changed(limits[at])
            end
        end
    end

    -- Return whether a lease is charged to a shared limit of this name.
    function Charging.is_charged(lease, name)
        return string.find('/' .. Leases.charged_to(lease) .. '/', '/' .. name .. '/', 1, true) ~= nil
    end

    -- Freeze a shared limit for so many ms, unless it is frozen for longer.
    function Charging.freeze(name, freeze_ms)
        local limit = Shared.get(name)
        if now + freeze_ms > math.max(now, limit.owed.f) then
            Limiter.freeze(limit, freeze_ms)
            Shared.changed(limit)
        end
    end

    -- Raise if what leases of a queue are charged to cannot be read.
    function Charging.check(charged)
        if type(charged) ~= 'table' then
            error('what its leases are charged to is damaged')
        end
        for name, leases in next, charged do
            if not Limits.is_whole(leases) then
                error('what its leases are charged to is damaged')
            end
            Rows.named(name)
        end
    end
end

-- Charging: what deliveries pay to shared limits, and which leases count there.
--
-- A lease has in its tail, as s, the name of the row by whose shared limits its job went (lib/rows.lua). It stays
-- charged to those, whatever its queue uses by then. The tail of the queue's record has, as g, how many of its leases
-- are charged to each row, so that a cleared queue gives them all back.

do
    local NOTHING_CHARGED = {}

    local function charge(queue, row, more)
        local features = queue[FEATURES] or {}
        local charged = features.g or {}
        local leases = (charged[row.name] or 0) + more
        charged[row.name] = leases > 0 and leases or nil
        features.g = next(charged) and charged or nil
        queue[FEATURES], queue[RETAILED] = features, true
        for at = 1, #row.limits do
            local limit = row.limits[at]
            Limiter.count_leases(limit, math.max(0, limit.leased + more))
            Shared.changed(limit)
        end
    end

    -- Charge a lease of a queue to the shared limits that the queue uses.
    function Charging.charge(queue)
        charge(queue, queue[USES], 1)
    end

    -- Take back the charge of a lease of a queue.
    function Charging.take_back(queue, row)
        charge(queue, row, -1)
    end

    -- Take back the charges of all leases of a queue.
    function Charging.take_back_all(queue)
        for name, leases in next, queue[FEATURES] and queue[FEATURES].g or {} do
            charge(queue, Rows.named(name), -leases)
        end
    end

    -- Note what a delivery of a queue pays, of a job that costs so much (a map, or nil).
    function Charging.pay(queue, cost)
        local limits = queue[USES].limits
        for at = 1, #limits do
            Limiter.pay(limits[at], cost)
            Shared.changed(limits[at])
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

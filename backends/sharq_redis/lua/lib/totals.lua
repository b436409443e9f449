-- Totals: what was counted of a type since it came into being, and from it how many jobs there are now.
--
-- They are one hash, name -> number. `dead` is also the number of the latest dead letter. Names that no look shows:
--   delayed     jobs in the zsets of delayed jobs (lib/delays.lua)
--   revoked     leases that a cancel or a clear ended
--   lost        jobs that were removed with a damaged queue and not counted
--   inexact     present once there may be such jobs, and from the first end of the type on until it comes back
--   tombstones  queues that have dead letters only (lib/tombstones.lua)
--   ends_at     when the type is forgotten; valid only while it has neither a queue nor a dead letter
-- A call adds up what it counts, and writes the sums at its end. If the hash is damaged, only deaths fail.

local Totals = {}

do
    local NAMES = {'enqueued', 'dequeued', 'finished', 'released', 'failed', 'expired_leases', 'dead', 'redriven',
        'discarded', 'aged_out', 'removed', 'lost', 'revoked', 'delayed', 'tombstones'}
    local SHOWN = 11        -- so many of them are shown, the first ones
    local pending = {}      -- name -> how many were counted in this call

    function Totals.begin()
        if next(pending) then   -- an earlier call failed
            pending = {}
        end
    end

    function Totals.add(name, amount)
        pending[name] = (pending[name] or 0) + amount
    end

    function Totals.write()
        for name, amount in next, pending do
            pending[name] = nil
            if amount ~= 0 then
                try('HINCRBY', TOTALS, name, integer(amount))
            end
        end
    end

    -- Return when the type is forgotten if it stays empty: now if that is damaged, nil if nothing is stored.
    function Totals.ends_at()
        local found = try('HGET', TOTALS, 'ends_at')
        return found and (type(found) == 'string' and tonumber(found) or 0) or nil
    end

    -- Return all totals by their names, with how many queues are listed as `names`; and those that are shown, in order. A
    -- missing or damaged one is 0.
    function Totals.read()
        local found, totals, shown = try('HMGET', TOTALS, unpack(NAMES)), {names = call('HLEN', QUEUES)}, {}
        local is_over = totals.names == 0 and (Totals.ends_at() or 0) <= now
        for at = 1, #NAMES do
            local total = not is_over and tonumber(found[at] or 0) or 0
            totals[NAMES[at]] = total
            if at <= SHOWN then
                shown[at] = total
            end
        end
        return totals, shown
    end

    -- Return how many jobs live and how many leases stand, with those that `lost` and `revoked` count.
    function Totals.balance(totals)
        return totals.enqueued + totals.redriven - totals.finished - totals.dead - totals.removed,
            totals.dequeued - totals.finished - totals.failed - totals.released - totals.expired_leases
    end

    -- Return how many leases the type had as the call began.
    function Totals.leased()
        local totals = Totals.read()
        local _, leased = Totals.balance(totals)
        return math.max(0, leased - totals.revoked)
    end

    -- Return how many jobs of the type wait, are leased and are delayed, and how many queues exist. Due jobs that
    -- have not joined count as delayed.
    function Totals.lengths(totals)
        local names = totals.names
        local queues = names - totals.tombstones
        if names == 0 or queues <= 0 then
            return 0, 0, 0, 0
        end
        local live, leased = Totals.balance(totals)
        live, leased = live - totals.lost, leased - totals.revoked
        local waiting = live - leased - totals.delayed
        return math.max(0, waiting), math.max(0, leased), math.max(0, totals.delayed), queues
    end
end

-- Holds: why a queue may not be dequeued now, or all the queues of a limiter (lib/limiter.lua), and until when.
--
-- One function computes them, for places in the line and for who asks why. Only an event ends a full concurrency
-- and a pause: those end at NO_END.

local Holds = {}

do
    -- Add a hold to a list, if there is one and the hold stands.
    local function add(list, kind, ends_at, unit)
        if list and ends_at > now then
            list[#list + 1] = {kind, ends_at < NO_END and ends_at or -1, unit or ''}
        end
        return ends_at
    end

    -- Add the holds of units of which an upstream says that nothing is left (lib/limiter.lua). Return the latest
    -- instant at which one of them ends.
    local function add_counts(list, counts)
        local ready, units = 0, {}
        for unit, count in next, counts do
            if count[1] <= 0 then
                units[#units + 1], ready = unit, math.max(ready, count[2])
            end
        end
        if list then
            table.sort(units)
            for at = 1, #units do
                add(list, 'limit', counts[units[at]][2], units[at])
            end
        end
        return ready
    end

    -- Return the latest instant at which a hold ends, NO_END if only an event ends one. `owed` has the debts
    -- (lib/limits.lua); as f, when a freeze ends; and as r, what is left of units; `delayed_until` is nil unless delayed jobs hold the queue. If
    -- there is a list, add the holds that stand to it: kind, when it ends or -1, unit of a limit or ''.
    function Holds.ready_at(rules, limits, owed, last, leased, delayed_until, list)
        local ready, frozen_until, concurrency = 0, owed.f or 0, rules.concurrency
        for at = 1, last ~= NEVER and #limits or 0 do
            local debt = owed[at]
            local allowed_at = debt and Limits.allows_at(limits[at], debt, last) or last + limits[at][PAUSE]
            if allowed_at > ready then
                ready = allowed_at
            end
            if list then
                add(list, 'limit', allowed_at, limits[at][UNIT])
            end
        end
        if owed.r then
            ready = math.max(ready, add_counts(list, owed.r))
        end
        if delayed_until then
            ready = math.max(ready, add(list, 'delay', delayed_until))
        end
        if frozen_until > now then
            ready = math.max(ready, add(list, 'frozen', frozen_until))
        end
        if concurrency and leased >= concurrency then
            ready = add(list, 'concurrency', NO_END)
        end
        if rules.paused then
            ready = add(list, 'paused', NO_END)
        end
        return ready
    end
end

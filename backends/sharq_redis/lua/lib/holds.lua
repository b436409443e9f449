-- Holds: why a queue, or the gate of a type, may not be dequeued now, and until when.
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

    -- Return the latest instant at which a hold ends, NO_END if only an event ends one. `owed` has the debts
    -- (lib/limits.lua) and, as f, when a freeze ends; `delayed_until` is nil unless delayed jobs hold the queue. If
    -- there is a list, add the holds that stand to it: kind, when it ends or -1, unit of a limit or ''.
    function Holds.ready_at(rules, limits, owed, last, leased, delayed_until, list)
        local ready, frozen_until, concurrency = 0, owed.f, rules.concurrency
        for at = 1, last ~= NEVER and #limits or 0 do
            local allowed_at = Limits.allows_at(limits[at], owed[at], last)
            if allowed_at > ready then
                ready = allowed_at
            end
            if list then
                add(list, 'limit', allowed_at, limits[at][UNIT])
            end
        end
        if delayed_until then
            ready = math.max(ready, add(list, 'delay', delayed_until))
        end
        if frozen_until then
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

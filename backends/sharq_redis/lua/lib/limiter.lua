-- Limiters: what holds many queues together. The gate of a type is one (lib/gate.lua), and so is each shared limit
-- (lib/shared.lua).
--
-- A limiter is a table: its `rules` (lib/rules.lua) and their `limits`, what is `owed` as of `last` (lib/limits.lua),
-- how many leases it counts as `leased`, `ready_before`, when it was ready as it was read, not before now, and `ready`, when
-- it is ready, once that was worked out. In `owed` f is when a freeze ends, and r, where an upstream said how many of a unit are left, a map: unit -> {how many
-- are left, until when that counts, how many there were at most}.

local Limiter = {}
local NO_LIMITS = {}

do
    local LEFT, UNTIL, MOST = 1, 2, 3
    local MAX_COUNTS = 5

    -- Return a limiter that owes nothing.
    function Limiter.made(rules, frozen_until)
        return {rules = rules, limits = rules.limits or NO_LIMITS, owed = {f = frozen_until}, last = NEVER, leased = 0,
            ready_before = now, ready = false}
    end

    -- Return whether a limiter with so many limits can owe these debts as of `latest`.
    local function can_owe(limits, latest, debts)
        local fine = (latest == NEVER or Limits.is_whole(latest)) and type(debts) == 'table'
        for at = 1, fine and #limits or 0 do
            fine = fine and Limits.is_whole(debts[at] or 0)
        end
        return fine
    end

    -- Let a limiter owe what is stored. Return whether it can owe that; else it owes nothing.
    function Limiter.owe(limiter, latest, debts)
        local fine = can_owe(limiter.limits, latest, debts)
        if fine then
            debts.f, debts.r, limiter.owed, limiter.ready = limiter.owed.f, limiter.owed.r, debts, false
            limiter.last, limiter.was_ahead, limiter.stored_last = math.min(latest, now), latest > now, latest
        end
        return fine
    end

    -- Return whether a limiter owes other debts than one unit of each limit, or has counts.
    function Limiter.owes_more(limiter)
        local owed = limiter.owed
        for at = 1, #limiter.limits do
            if owed[at] then
                return true
            end
        end
        return owed.r ~= nil
    end

    -- Return the debts as they are stored.
    function Limiter.debts(limiter)
        local debts = {}
        for at = 1, #limiter.limits do
            debts[at] = limiter.owed[at]
        end
        return debts
    end

    -- Return the instant at which every hold of a limiter has ended, NO_END if only an event ends one. If there is a
    -- list, add the holds that stand.
    function Limiter.ready_at(limiter, list)
        local ready = not list and limiter.ready
        if not ready then
            ready = Holds.ready_at(limiter.rules, limiter.limits, limiter.owed, limiter.last, limiter.leased, nil, list)
            limiter.ready = ready
        end
        return ready
    end

    -- Note how many leases a limiter counts.
    function Limiter.count_leases(limiter, leased)
        limiter.leased, limiter.ready = leased, false
    end

    function Limiter.is_closed(limiter)
        return (limiter.ready or Limiter.ready_at(limiter)) > now
    end

    -- Note when a limiter that was just read is ready.
    function Limiter.note_ready(limiter)
        local ready = Limiter.ready_at(limiter)
        limiter.ready_before = ready > now and ready or now
    end

    -- Return when a limiter is ready that an event of this call has opened, nil if none has.
    function Limiter.opened_at(limiter)
        local ready = math.max(now, Limiter.ready_at(limiter))
        return ready < limiter.ready_before and ready or nil
    end

    -- Return the instant at which a job is to be expected that could go at `instant` without the limiter.
    function Limiter.foreseen(limiter, instant)
        if instant == NO_END then
            return instant
        elseif limiter.rules.paused then
            return NO_END
        end
        local ready = Limiter.ready_at(limiter)
        if ready == NO_END then         -- a lease must end first
            ready = math.max(first_instant(EXPIRING) or 0,
                Holds.ready_at(NO_RULES, limiter.limits, limiter.owed, limiter.last, 0))
        end
        return math.max(instant, ready)
    end

    local function units(cost, unit)
        return cost and cost[unit] or unit == 'job' and 1 or 0
    end

    -- Note a delivery of a job that costs so much (a map, or nil). Return whether the limiter owes anything for it.
    function Limiter.pay(limiter, cost)
        local counts, limits = limiter.owed.r, limiter.limits
        limiter.ready = false
        if counts then
            for unit, count in next, counts do
                count[LEFT] = count[LEFT] - units(cost, unit)
            end
        end
        if #limits == 0 then
            return counts ~= nil
        end
        Limits.pay(limits, limiter.owed, limiter.last, cost, now)
        limiter.last = now
        return true
    end

    -- Correct what a job paid that cost so much, by what it took (a map). Return whether the limiter may owe
    -- something else.
    function Limiter.correct(limiter, cost, actual)
        local counts, limits = limiter.owed.r, limiter.limits
        limiter.ready = false
        for unit, count in next, counts or NO_LIMITS do
            if actual[unit] then
                count[LEFT] = math.min(count[LEFT] + units(cost, unit) - actual[unit], count[MOST])
            end
        end
        if #limits == 0 then
            return counts ~= nil
        end
        Limits.correct(limits, limiter.owed, limiter.last, cost, actual)
        limiter.last = now
        return true
    end

    -- Give a limiter other rules. Return whether it may owe something else.
    function Limiter.change(limiter, rules)
        local before, limits = limiter.limits, rules.limits or NO_LIMITS
        limiter.rules, limiter.limits, limiter.ready = rules, limits, false
        if not Limits.change(before, limits, limiter.owed, limiter.last) then
            return false
        end
        limiter.last = #limits > 0 and limiter.last or NEVER
        return true
    end

    -- Freeze a limiter for so many ms, 0 to end a freeze.
    function Limiter.freeze(limiter, freeze_ms)
        limiter.owed.f, limiter.ready = freeze_ms > 0 and now + freeze_ms or 0, false
    end

    -- Forget the counts of units that have ended, and of more than MAX_COUNTS those that end first, by (end, unit).
    local function trim(limiter, counts)
        local kept = {}
        for unit, count in next, counts do
            if count[UNTIL] > now then
                kept[#kept + 1] = unit
            end
        end
        table.sort(kept, function(one, other)
            local ends_at, others = counts[one][UNTIL], counts[other][UNTIL]
            return ends_at > others or (ends_at == others and one > other)
        end)
        limiter.owed.r, limiter.ready = nil, false
        for at = 1, math.min(#kept, MAX_COUNTS) do
            limiter.owed.r = limiter.owed.r or {}
            limiter.owed.r[kept[at]] = counts[kept[at]]
        end
    end

    local function is_count(count)
        return type(count) == 'table' and Limits.is_whole(count[UNTIL]) and Limits.is_whole(count[MOST])
            and type(count[LEFT]) == 'number' and count[LEFT] % 1 == 0
    end

    -- Return the counts in the order of their units: unit, how many are left, until when.
    function Limiter.counts(limiter)
        local units, list = {}, {}
        for unit in next, limiter.owed.r or NO_LIMITS do
            units[#units + 1] = unit
        end
        table.sort(units)
        for at = 1, #units do
            local count = limiter.owed.r[units[at]]
            list[at] = {units[at], math.max(0, count[LEFT]), count[UNTIL]}
        end
        return list
    end

    -- Forget the counts of all units.
    function Limiter.forget_counts(limiter)
        limiter.owed.r, limiter.ready = nil, false
    end

    -- Let a limiter have the counts that are stored. Raise if they are damaged.
    function Limiter.count(limiter, counts)
        for _, count in next, counts do
            if not is_count(count) then
                error('what is left of a unit is damaged')
            end
        end
        trim(limiter, counts)
    end

    -- Take note that so many of a unit are left until an instant. Beside an earlier count the smaller one and the
    -- later instant hold.
    function Limiter.note_left(limiter, left, ends_at, unit)
        if ends_at <= now then
            return
        end
        local counts = limiter.owed.r or {}
        local before = counts[unit] or {left, ends_at, left}
        counts[unit] = {math.min(before[LEFT], left), math.max(before[UNTIL], ends_at), math.min(before[MOST], left)}
        trim(limiter, counts)
    end
end

-- Limits: what is owed, and from when on it allows a dequeue; of a queue, and of the gate of a type.
--
-- A limit is a list: rate, per, burst, unit, the largest debt that allows a dequeue, the most units that a delivery
-- pays, how many a job costs that names none, and for how long (ms) a debt of one unit holds. `owed` is a table: the
-- debts by the positions of their limits, as of one instant, `last` (or NEVER: then nothing is owed). A debt that is
-- missing there is one unit. So most queues need not keep any.
--
-- All numbers are whole. What is below 2^53 is exact; a product that is not is capped, or pays off any debt.
local RATE, PER, BURST, UNIT, ALLOWED, MOST_UNITS, UNNAMED, PAUSE = 1, 2, 3, 4, 5, 6, 7, 8
local MAX_BURST_DEBT, MAX_DEBT = 4000000000000000, 8000000000000000

local Limits = {}

do
    local MAX_KNOWN = 1000      -- intervals whose limits are kept between calls
    local NO_LIMITS = {}
    local of_interval, known = {[0] = NO_LIMITS}, 0

    local function divided_down(amount, by)
        return (amount - math.fmod(amount, by)) / by
    end

    local function divided_up(amount, by)
        local rest = math.fmod(amount, by)
        return (amount - rest) / by + (rest > 0 and 1 or 0)
    end

    -- Return whether a stored value is a whole number between two bounds; without them, whether it can be a debt, an
    -- instant or a count.
    function Limits.is_whole(value, least, most)
        return type(value) == 'number' and value >= (least or 0) and value <= (most or MAX_DEBT) and value % 1 == 0
    end

    function Limits.made(rate, per, burst, unit)
        return {rate, per, burst, unit, (burst - 1) * per, divided_down(MAX_BURST_DEBT, per),
            unit == 'job' and 1 or 0, burst == 1 and divided_up(per, rate) or 0}
    end

    -- Return the limits that an interval stands for.
    function Limits.of_interval(interval)
        local limits = of_interval[interval]
        if not limits then
            if known == MAX_KNOWN then
                of_interval, known = {[0] = NO_LIMITS}, 0
            end
            limits = {Limits.made(1, interval, 1, 'job')}
            of_interval[interval], known = limits, known + 1
        end
        return limits
    end

    -- Return the instant from which on a limit allows a dequeue, if there was one at `last`.
    function Limits.allows_at(limit, debt, last)
        if not debt then
            return last + limit[PAUSE]
        end
        local excess = debt - limit[ALLOWED]
        return excess <= 0 and last or last + divided_up(excess, limit[RATE])
    end

    -- Return the instant from which on nothing is owed.
    function Limits.paid_at(limits, owed, last)
        local paid_at = 0
        if last ~= NEVER then
            for at = 1, #limits do
                local limit = limits[at]
                paid_at = math.max(paid_at, last + divided_up(owed[at] or limit[PER], limit[RATE]))
            end
        end
        return paid_at
    end

    -- Return what is left of a debt at an instant.
    local function debt_at(instant, limit, debt, last)
        local earned = (instant - last) * limit[RATE]
        debt = debt or limit[PER]
        return last ~= NEVER and debt > earned and debt - earned or 0
    end

    -- Return what is owed now to each limit, in whole units, rounded up.
    function Limits.owed_units(limits, owed, last)
        local units = {}
        for at = 1, #limits do
            units[at] = divided_up(debt_at(now, limits[at], owed[at], last), limits[at][PER])
        end
        return units
    end

    -- Keep the debt of a limit. Return whether what is stored has changed.
    local function keep(owed, at, debt, per)
        local before = owed[at]
        owed[at] = debt ~= per and math.min(math.max(debt, 0), MAX_DEBT) or nil
        return owed[at] ~= before
    end

    -- Raise if this cannot be what a job costs.
    function Limits.check_cost(cost)
        for unit, amount in next, cost do
            if not Limits.is_whole(amount) then
                error('the cost of a job of it is damaged: ' .. unit)
            end
        end
    end

    -- Return how many units a delivery or a correction counts, of a job that costs so much (a map, or nil).
    local function units(cost, limit)
        return math.min(cost and cost[limit[UNIT]] or limit[UNNAMED], limit[MOST_UNITS])
    end

    -- Note a delivery at an instant, now or in a forecast: what is owed is as of then afterwards. Return whether
    -- `owed` has changed.
    function Limits.pay(limits, owed, last, cost, instant)
        local has_changed = false
        for at = 1, #limits do
            local limit, before = limits[at], owed[at]
            local per, paid = limit[PER], cost and cost[limit[UNIT]] or limit[UNNAMED]
            local left = (before or per) - (instant - last) * limit[RATE]
            if paid > limit[MOST_UNITS] then
                paid = limit[MOST_UNITS]
            end
            local debt = paid * per
            if left > 0 and last ~= NEVER then
                debt = debt + left
            end
            if debt ~= (before or per) then
                keep(owed, at, debt, per)
                has_changed = true
            end
        end
        return has_changed
    end

    -- Correct a payment by what the job took; what is owed is as of now afterwards. A unit that `actual` does not
    -- name stays as it was paid. Return whether `owed` has changed.
    function Limits.correct(limits, owed, last, cost, actual)
        local has_changed = false
        for at = 1, #limits do
            local limit = limits[at]
            local debt = debt_at(now, limit, owed[at], last)
            if actual[limit[UNIT]] then
                debt = debt + (units(actual, limit) - units(cost, limit)) * limit[PER]
            end
            has_changed = keep(owed, at, debt, limit[PER]) or has_changed
        end
        return has_changed
    end

    local function forget(owed, limits)
        for at = 1, #limits do
            owed[at] = nil
        end
    end

    -- Return limits by their units: unit -> list of positions.
    local function by_unit(limits)
        local found = {}
        for at = 1, #limits do
            local unit = limits[at][UNIT]
            found[unit] = found[unit] or {}
            table.insert(found[unit], at)
        end
        return found
    end

    -- Return the debt of a limit that takes the place of another.
    local function carried(debt, old, new)
        debt = debt or old[PER]
        if old[RATE] == new[RATE] and old[PER] == new[PER] and old[BURST] == new[BURST] then
            return debt
        end
        return math.min(divided_up(debt, old[PER]) * new[PER], MAX_DEBT)
    end

    -- Let limits take the place of others: the first of a unit that of the first of it, and so on. Return whether
    -- `owed` may have changed.
    function Limits.change(old, new, owed, last)
        if old == new then
            return false
        end
        local places, debts, taken = by_unit(old), {}, {}
        for at = 1, #new do
            local unit = new[at][UNIT]
            taken[unit] = (taken[unit] or 0) + 1
            local before = places[unit] and places[unit][taken[unit]]
            debts[at] = before and carried(owed[before], old[before], new[at]) or new[at][PER]
        end
        forget(owed, old)
        for at = 1, last ~= NEVER and #new or 0 do
            keep(owed, at, debts[at], new[at][PER])
        end
        return true
    end

    -- Forget what is owed.
    Limits.forget = forget
end

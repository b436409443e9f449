-- Views: the lengths of a queue and of a type, and when a job can go.

local Views = {}

do
    local NOTHING_KEPT = {}

    -- Return for a reply the instant at which a job can be ready, of a queue that uses the shared limits of a row if one
    -- is given: never in the past; -1 if nothing is foreseen.
    function Views.foreseen(since, expiry, row)
        local first = math.min(since or math.huge, expiry or math.huge)
        if row then
            first = Using.foreseen(row, first)
        end
        if has_gate then
            first = Gate.foreseen(first)
        end
        return first < math.huge and math.max(now, first) or -1
    end

    local function since_or_none(since)
        return since and since <= now and since or -1
    end

    -- Return how many dead letters a queue has.
    local function dead(id)
        if not Queues.has_letters(id) then
            return 0
        end
        local count = call('ZCARD', Scope.key('deaths', id))
        return count > 0 and count or error('its dead letters are missing')
    end

    -- Return when the first lease of a queue expires, nil if it has none.
    local function first_expiry(queue)
        if queue[LEASED] > 0 then
            return Leases.first_expiry(queue) or error('its leases are missing')
        end
    end

    -- Return how many jobs of a queue wait, due ones included.
    function Views.waiting(queue)
        return queue[WAITING] + Times.due(queue)
    end

    -- Return what is set for a queue, whether it exists or not, and what follows from it: its settings and the
    -- defaults that it took up (lib/rules.lua), 1 if these have changed, the interval that was brought, when its freeze
    -- ends or -1, the holds that stand (lib/holds.lua), its own and those of its type, and the names of the shared limits
    -- that were brought.
    function Views.rules(queue)
        local kept, is_pending = queue[FEATURES] or NOTHING_KEPT, Defaults.are_pending(queue)
        local frozen_until = kept.f and kept.f > now and kept.f or -1
        return {kept.s or '', kept.t or '', is_pending and 1 or 0, queue[INTERVAL], frozen_until, Terms.holds(queue),
            (Gate.holds()), kept.b or ''}
    end

    -- Return what is set for the type, for its gate and for its queues (lib/rules.lua), when its freeze ends or -1, and
    -- the holds of the gate that stand.
    function Views.rules_of_type()
        local settings, defaults = Gate.texts()
        local holds, frozen_until = Gate.holds()
        return {settings, defaults, frozen_until, holds}
    end

    -- Return a list for a queue: how many jobs wait, are leased, are dead letters, are delayed; since when it may
    -- be dequeued, or -1; the earliest instant at which one of its jobs can be ready, or -1.
    function Views.of_queue(id)
        local letters, queue = dead(id), Queues.load(id)
        if not queue then
            return 0, 0, letters, 0, -1, -1
        end
        local due, delayed, since = Times.due(queue), Times.delayed(queue), nil
        if queue[STANDS] then
            since = Line.since(queue)
        end
        local uses = queue[USES]
        return queue[WAITING] + due, queue[LEASED], letters, delayed - due,
            uses and Using.closed(uses) and -1 or since_or_none(since),
            Terms.is_paused(queue) and -1 or Views.foreseen(since, first_expiry(queue), uses)
    end

    -- Return a list for the type: four lengths as for a queue; how many queues exist, how many may be dequeued;
    -- since when the first of these may be, or -1; the earliest instant at which a job can be ready, or -1; where to go on
    -- counting those that may be dequeued (lib/readiness.lua), empty if all were.
    function Views.of_type(totals)
        local waiting, leased, delayed, queues = Totals.lengths(totals)
        local in_rows, since, further = Readiness.from('')
        local ready = Readiness.in_line() + in_rows
        return waiting, leased, call('ZCARD', LETTERS), delayed, queues, ready, since_or_none(since),
            Views.foreseen(first_instant(LINE), first_instant(EXPIRING)), further or NOTHING
    end
end

-- Limits: from which instant on a queue may be dequeued. All arithmetic of the rate stands here.
--
-- A queue owes one unit as of its latest dequeue, `last`, and earns it back over its interval.
-- So it may go from `last + interval` on. A new interval keeps the unit that is owed; a queue that
-- has no interval owes nothing. Where the clock has stepped back behind `last`, `last` becomes now
-- and what is owed stays.

do
    -- Return the instant at which every hold of a queue has ended, 0 if none stands.
    local function ready_at(queue)
        local last, interval = queue[LAST], queue[INTERVAL]
        if last == NEVER or interval == 0 then
            return 0
        end
        return last + interval
    end
    Limits.ready_at = ready_at

    -- Bring a record that was just read to this call's instant, and note when it was ready.
    function Limits.take_up(queue)
        if queue[LAST] > now then
            queue[READY_BEFORE] = queue[LAST] + queue[INTERVAL]
            queue[LAST], queue[RAW] = now, false
        else
            queue[READY_BEFORE] = ready_at(queue)
        end
    end

    -- Note a delivery.
    function Limits.pay(queue)
        queue[LAST] = now
    end

    -- Bring an interval to a queue.
    function Limits.bring(queue, interval)
        queue[INTERVAL] = interval
    end

    -- Forget the latest dequeue if nothing is owed for it any more.
    function Limits.forget_if_paid(queue)
        if ready_at(queue) <= now then
            queue[LAST] = NEVER
        end
    end
end

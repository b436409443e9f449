-- Limits: from which instant on a queue may be dequeued. All arithmetic of the rate stands here.
--
-- A queue owes one unit as of its latest dequeue, `last`, and earns it back over its interval.
-- So it may go from `last + interval` on. While all its jobs are delayed, the first that will be due holds
-- it too. A new interval keeps the unit that is owed; a queue that
-- has no interval owes nothing. Where the clock has stepped back behind `last`, `last` becomes now
-- and what is owed stays.

do
    -- Return the instant at which every hold of a queue has ended, 0 if none stands.
    local function ready_at(queue)
        local last, interval, due_at = queue[LAST], queue[INTERVAL], queue[DUE_AT]
        local ready = (last == NEVER or interval == 0) and 0 or last + interval
        if due_at and due_at > ready and queue[WAITING] == 0 then
            return due_at
        end
        return ready
    end
    Limits.ready_at = ready_at

    -- Bring a record that was just read to this call's instant, and note when it was ready.
    function Limits.take_up(queue)
        local ready = ready_at(queue)
        if queue[LAST] > now then
            ready = math.max(ready, queue[LAST] + queue[INTERVAL])
            queue[LAST], queue[RAW] = now, false
        end
        queue[READY_BEFORE] = ready
    end

    -- Note a delivery.
    function Limits.pay(queue)
        queue[LAST] = now
    end

    -- Bring an interval to a queue.
    function Limits.bring(queue, interval)
        queue[INTERVAL] = interval
    end

    -- Forget the latest dequeue of a queue without jobs if nothing is owed for it any more.
    function Limits.forget_if_paid(queue)
        if ready_at(queue) <= now then
            queue[LAST] = NEVER
        end
    end
end

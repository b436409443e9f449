-- Returning: what becomes of a job whose lease ends before it is done.

local Returning = {}

do
    -- Spend a requeue. Return how many are left, how long (ms) the job must wait, and its tail.
    function Returning.penalize(requeues, tail)
        local left = requeues > 0 and requeues - 1 or requeues
        if requeues > 0 then
            tail = tail or {}
            tail.q = tail.q or requeues
        end
        if not tail or not tail.d then
            return left, 0, tail
        end
        tail.n = (tail.n or 0) + 1
        local delay, factor, most = unpack(tail.d)
        for _ = 2, factor > 1 and tail.n or 1 do
            delay = delay * factor
            if delay == 0 or delay >= most then
                break
            end
        end
        return left, math.min(delay, most), tail
    end

    -- Keep the job of a lease as a dead letter, and freeze its queue for so many ms, if so. `requeues`: what it has
    -- left, if one was just spent.
    function Returning.die(queue, lease, raw, reason, tail, payload_at, freeze_ms, requeues)
        local before = Dead.check(queue, lease[JOB])
        Leases.take(queue, lease)
        Dead.bury(queue, lease[JOB], reason, lease[ATTEMPT], raw, payload_at, tail, before, requeues)
        if freeze_ms then
            Terms.freeze_for(queue, freeze_ms)
        end
        Step.changed(queue)
    end

    -- Let the job of a lease wait again, or be delayed for `delay` ms; or die, if its ttl has passed. Freeze its
    -- queue for so many ms, if so. Return whether it lives.
    function Returning.come_back(queue, lease, raw, requeues, tail, payload_at, delay, freeze_ms)
        if tail and tail.e and tail.e <= now then
            Returning.die(queue, lease, raw, 'expired', tail, payload_at, freeze_ms, requeues)
            return false
        end
        Waiting.check(queue)
        if tail or delay > 0 then
            Times.check(queue[ID])
        end
        local job_id = lease[JOB]
        Leases.take(queue, lease)
        tail = Delays.put(queue, job_id, lease[JOB_NUMBER], true, tail, now + delay)
        if tail then
            raw = Bodies.with(raw, requeues, lease[ATTEMPT], tail, payload_at)
        else
            raw = Bodies.renewed(raw, requeues, lease[ATTEMPT])
        end
        Bodies.replace(queue, job_id, raw)
        if freeze_ms then
            Terms.freeze_for(queue, freeze_ms)
        end
        Step.changed(queue)
        return true
    end
end

-- Removing: remove a living job for good, for a cancel or a clear.

local Removing = {}

do
    -- Return what is known of a job of a queue, nil if no job of this id lives. Raise if it could not be removed.
    function Removing.find(queue, job_id)
        local raw = Bodies.find(queue, job_id)
        if not raw then
            return nil
        end
        local requeues, attempts, payload_at, tail = Bodies.parse(raw)
        Waiting.check(queue)
        if tail and tail.e and not Leases.of(queue, job_id) then
            Ttls.check_ends(queue)
        end
        return {id = job_id, raw = raw, requeues = requeues, attempts = attempts, payload_at = payload_at,
            tail = tail}
    end

    -- Remove a job that `find` returned. It waits or is delayed, or has this lease.
    function Removing.remove(queue, job, lease)
        if lease then
            Leases.take(queue, lease)
            Totals.add('revoked', 1)
        else
            Delays.take_out(queue, job.id, job.attempts, job.tail)
        end
        Bodies.remove(queue, job.id)
        Step.changed(queue)
        Totals.add('removed', 1)
    end
end

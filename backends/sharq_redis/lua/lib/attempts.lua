-- Attempts: dequeues that may be repeated. One is packed: when its leases expire, then queue id, job
-- id and token of each job it got. It expires by itself, later than those leases.

local Attempts = {}

do
    -- Return the attempt of this id whose leases have not expired as {queue id, job id, token, ...} and
    -- their expiry; nil if there is none.
    function Attempts.find(attempt_id)
        local raw = call('GET', Scope.key('attempt', attempt_id))
        local attempt = raw and cmsgpack.unpack(raw)
        if attempt and attempt[1] > now then
            return attempt[2], attempt[1]
        end
    end

    function Attempts.keep(attempt_id, jobs, expiry)
        set_to_expire(Scope.key('attempt', attempt_id), cmsgpack.pack({expiry, jobs}),
            expiry - now + GRACE_MS)
    end

    -- Put a job of an earlier attempt into a reply if its lease still stands. Return whether it does.
    local function repeat_job(reply, id, job_id, token)
        local queue = Records.load(id)
        local lease = queue and Leases.of(queue, job_id)
        if not lease or lease[1] ~= token then
            return false
        end
        local raw = Bodies.get(queue, job_id)
        local requeues, _, _, payload_at = Bodies.parse(raw)
        Deliveries.append(reply, queue, job_id, requeues, lease[4], payload_at, raw)
        return true
    end

    -- Return the answer to a take again: the jobs of an earlier attempt as far as their leases still
    -- stand. Return nil if there are none.
    function Attempts.answer_again(attempt_id)
        local jobs, expires_at = Attempts.find(attempt_id)
        local reply, again = {-1, expires_at, '', NOTHING, NOTHING}, {}
        for at = 1, #(jobs or {}), 3 do
            if guarded(repeat_job, reply, jobs[at], jobs[at + 1], jobs[at + 2]) then
                again[#again + 1] = jobs[at + 2]
            end
        end
        reply[3] = table.concat(again)
        return again[1] and reply
    end
end

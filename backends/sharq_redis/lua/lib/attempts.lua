-- Attempts: dequeues that may be repeated. One is packed: until when it may be repeated, then queue id, job
-- id and token of each job it got. It expires by itself, later than those leases.

local Attempts = {}

do
    -- Return the attempt of this id that may still be repeated as {queue id, job id, token, ...}, or nil.
    local function find(attempt_id)
        local raw = call('GET', Scope.key('attempt', attempt_id))
        local attempt = raw and cmsgpack.unpack(raw)
        if attempt and attempt[1] > now then
            return attempt[2]
        end
    end

    function Attempts.keep(attempt_id, jobs, expiry)
        set_to_expire(Scope.key('attempt', attempt_id), cmsgpack.pack({expiry, jobs}),
            expiry - now + GRACE_MS)
    end

    -- Put a job of an earlier attempt into a reply if its lease still stands. Return the bytes of its
    -- payload and when the lease expires, or nil.
    local function repeat_job(reply, id, job_id, token)
        local queue = Queues.load(id)
        local lease = queue and Leases.of(queue, job_id)
        if not lease or lease[TOKEN] ~= token then
            return nil
        end
        local raw = Bodies.get(queue, job_id)
        local requeues, _, payload_at = Bodies.parse(raw)
        Deliveries.append(reply, queue, job_id, requeues, lease[ATTEMPT], payload_at, raw)
        return #raw - payload_at + 1, lease[EXPIRY]
    end

    -- Return the answer to a take again, the jobs of an earlier attempt as far as their leases still
    -- stand, and the bytes of their payloads. Return nil if there are none.
    function Attempts.answer_again(attempt_id)
        local jobs = find(attempt_id)
        local expiries, again, bytes = {}, {}, 0
        local reply = {-1, expiries, '', NOTHING, NOTHING}
        for at = 1, #(jobs or {}), 3 do
            local size, expiry = guarded(repeat_job, reply, jobs[at], jobs[at + 1], jobs[at + 2])
            if size then
                again[#again + 1], expiries[#expiries + 1], bytes = jobs[at + 2], expiry, bytes + size
            end
        end
        reply[3] = table.concat(again)
        return again[1] and reply, bytes
    end
end

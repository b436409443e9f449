-- Bodies: the jobs of a queue, their payloads and what is known of each.
--
-- A job is 6 bytes, KIND * 2^45 + when it was enqueued, two packed values, requeues remaining and
-- attempts, and then the payload as it came: a longer beginning costs up to 16 bytes a job. KIND is PLAIN,
-- or TAILED: then one more packed value stands before the payload, a map, the job's tail. What a feature
-- keeps of the jobs that use it stands there. A server keeps what it does not know of a tail as it is.
-- Further kinds are further versions. A tail holds, of what a job has:
--   p  its priority                t  its ttl (ms); e  when that has passed
--   d  its requeue delay: first (ms), factor, most (ms); n  how often its requeues were spent
--   k  its deduplication key, u  until when (ms) it is remembered under it
--   l  the error of its latest fail         c  its cost, by units       h  its headers
--   i  its number, once it was delayed     q  its requeue limit, once a requeue was spent
--   a  when its latest delay was to end
--
-- The one job of a queue that has had no other stands in a key of its own: a hash for it would take twice
-- the memory. From the second job on all are fields of one hash.

local Bodies, Waiting = {}, {}

do
    local PLAIN, TAILED = 1, 2
    local KIND_AT = 2 ^ 45          -- the time has 45 bits, until the year 3084
    local KIND_STEP = 32            -- of the first byte
    local BEGINNING = 6             -- bytes

    -- Return how the jobs begin that are enqueued now: the rest came with the call.
    function Bodies.beginning()
        return struct.pack('>I6', PLAIN * KIND_AT + math.min(now, KIND_AT - 1))
    end

    function Bodies.enqueued_at(raw)
        return struct.unpack('>I6', raw) % KIND_AT
    end

    -- Return a job with its header read: requeues, attempts, where the payload begins, its tail or nil.
    function Bodies.parse(raw)
        local first = string.byte(raw) or 0
        local kind = first - first % KIND_STEP
        if kind ~= PLAIN * KIND_STEP and kind ~= TAILED * KIND_STEP then
            error('a job of it is damaged, or of another version')
        end
        local values = kind == PLAIN * KIND_STEP and 2 or 3
        local offset, requeues, attempts, tail = cmsgpack.unpack_limit(raw, values, BEGINNING)
        return requeues, attempts, (offset == -1 and #raw or offset) + 1, tail
    end

    -- Return a job, and where its payload begins. It may have no tail, or an empty one.
    function Bodies.made(enqueued_at, requeues, attempts, tail, payload)
        local header
        if not tail or next(tail) == nil then
            header = struct.pack('>I6', PLAIN * KIND_AT + enqueued_at) .. cmsgpack.pack(requeues, attempts)
        else
            header = struct.pack('>I6', TAILED * KIND_AT + enqueued_at)
                .. cmsgpack.pack(requeues, attempts, tail)
        end
        return header .. payload, #header + 1
    end

    -- Return a job with other requeues, attempts and tail.
    function Bodies.with(raw, requeues, attempts, tail, payload_at)
        local payload = string.sub(raw, payload_at)
        return (Bodies.made(Bodies.enqueued_at(raw), requeues, attempts, tail, payload))
    end

    -- Return a job with other requeues and attempts, and all else as it was.
    function Bodies.renewed(raw, requeues, attempts)
        local offset = cmsgpack.unpack_limit(raw, 2, BEGINNING)
        local rest = offset == -1 and '' or string.sub(raw, offset + 1)
        return string.sub(raw, 1, BEGINNING) .. cmsgpack.pack(requeues, attempts) .. rest
    end

    -- Return the raw job; raises if it is missing or its key is damaged.
    function Bodies.get(queue, job_id)
        local raw
        if queue[FORM] == ALONE then
            raw = call('GET', ONE .. queue[ID])
        else
            raw = call('HGET', JOBS .. queue[ID], job_id)
        end
        return raw or error('job ' .. job_id .. ' is missing')
    end

    -- Let the jobs of a queue be fields of a hash, also an only one. One that is leased no more, and stands
    -- nowhere yet, is to be written anew.
    function Bodies.spread(queue)
        if queue[FORM] == ALONE then
            local other = queue[WAITING] > 0 and queue[HEAD] or Leases.only_job(queue)
            if other then
                call('HSET', JOBS .. queue[ID], other, Bodies.get(queue, other))
            end
            call('UNLINK', ONE .. queue[ID])
            queue[FORM] = IN_HASH
        end
    end

    -- Return whether a job of this id waits, is delayed or is leased.
    function Bodies.has(queue, job_id)
        if queue[FORM] == ALONE then
            return (queue[WAITING] > 0 and queue[HEAD] or Leases.only_job(queue)) == job_id
        end
        return call('HEXISTS', JOBS .. queue[ID], job_id) == 1
    end

    -- Return the raw job, or nil if none of this id waits, is delayed or is leased.
    function Bodies.find(queue, job_id)
        if queue[FORM] == ALONE then
            return Bodies.has(queue, job_id) and Bodies.get(queue, job_id) or nil
        end
        return call('HGET', JOBS .. queue[ID], job_id) or nil
    end

    -- Write a job that is there anew.
    function Bodies.replace(queue, job_id, raw)
        if queue[FORM] == ALONE then
            call('SET', ONE .. queue[ID], raw)
        else
            call('HSET', JOBS .. queue[ID], job_id, raw)
        end
    end

    -- Let a job join a queue that has others, and wait at `place`. Return whether its id was free; if it
    -- was not, or if this raises, nothing has changed.
    function Bodies.join(queue, job_id, raw, place)
        local jobs = JOBS .. queue[ID]
        if queue[FORM] == IN_HASH then
            if call('HSETNX', jobs, job_id, raw) == 0 then
                return false
            end
            local reason = Waiting.try_add(queue, job_id, place)
            if reason then
                call('HDEL', jobs, job_id)
                error(reason, 0)
            end
            return true
        end
        local other = queue[WAITING] > 0 and queue[HEAD] or Leases.only_job(queue)
        if other == job_id then
            return false
        end
        local other_raw = Bodies.get(queue, other)
        call('HLEN', jobs)      -- raises if it is damaged
        Waiting.add(queue, job_id, place)
        call('HSET', jobs, other, other_raw, job_id, raw)
        call('DEL', ONE .. queue[ID])
        queue[FORM] = IN_HASH
        return true
    end

    -- Remove a job. If the queue's form is IN_HASH this may raise, and then changes nothing.
    function Bodies.remove(queue, job_id)
        if queue[FORM] == ALONE then
            call('UNLINK', ONE .. queue[ID])
        else
            call('HDEL', JOBS .. queue[ID], job_id)
        end
    end
end

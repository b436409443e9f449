-- Bodies: the jobs of a queue, their payloads and what is known of each.
--
-- A job is 6 bytes, VERSION * 2^45 + when it was enqueued, two packed values, requeues remaining and
-- attempts, and then the payload as it came: a longer beginning costs up to 16 bytes a job. The one job
-- of a queue that has had no other stands in a key of its own: a hash for it would take twice the memory.
-- From the second job on all are fields of one hash.

local VERSION, VERSION_AT = 1, 2 ^ 45   -- the time has 45 bits, until the year 3084
local VERSION_STEP = 32         -- of the first byte
local BEGINNING = 6             -- bytes

local Bodies, Waiting = {}, {}
local Leases = {}

do
    -- Return how the jobs begin that are enqueued now: the rest came with the call.
    function Bodies.beginning()
        return struct.pack('>I6', VERSION * VERSION_AT + math.min(now, VERSION_AT - 1))
    end

    function Bodies.enqueued_at(beginning)
        return struct.unpack('>I6', beginning) % VERSION_AT
    end

    -- Return a job with its header read: requeues, attempts, its beginning, where the payload begins.
    function Bodies.parse(raw)
        if math.floor((string.byte(raw) or 0) / VERSION_STEP) ~= VERSION then
            error('a job of it is damaged')
        end
        local offset, requeues, attempts = cmsgpack.unpack_limit(raw, 2, BEGINNING)
        local payload_at = (offset == -1 and #raw or offset) + 1
        return requeues, attempts, string.sub(raw, 1, BEGINNING), payload_at
    end

    function Bodies.pack(requeues, attempts, beginning, payload)
        return beginning .. cmsgpack.pack(requeues, attempts) .. payload
    end

    -- Return the raw job; raises if it is missing or its key is damaged.
    function Bodies.get(queue, job_id)
        local raw
        if queue[FORM] == ALONE then
            raw = call('GET', Scope.key('one', queue[ID]))
        else
            raw = call('HGET', Scope.key('jobs', queue[ID]), job_id)
        end
        return raw or error('job ' .. job_id .. ' is missing')
    end

    -- Return whether a job of this id waits or is leased.
    function Bodies.has(queue, job_id)
        if queue[FORM] == ALONE then
            return (queue[WAITING] > 0 and queue[HEAD] or Leases.only_job(queue)) == job_id
        end
        return call('HEXISTS', Scope.key('jobs', queue[ID]), job_id) == 1
    end

    -- Write a job that is there anew.
    function Bodies.replace(queue, job_id, raw)
        if queue[FORM] == ALONE then
            call('SET', Scope.key('one', queue[ID]), raw)
        else
            call('HSET', Scope.key('jobs', queue[ID]), job_id, raw)
        end
    end

    -- Let a job join a queue that has others, and wait at `place`. Return whether its id was free; if it
    -- was not, or if this raises, nothing has changed.
    function Bodies.join(queue, job_id, raw, place)
        local jobs = Scope.key('jobs', queue[ID])
        if queue[FORM] == IN_HASH then
            if call('HSETNX', jobs, job_id, raw) == 0 then
                return false
            end
            local fine, reason = pcall(Waiting.add, queue, job_id, place)
            if not fine then
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
        call('DEL', Scope.key('one', queue[ID]))
        queue[FORM] = IN_HASH
        return true
    end

    -- Remove a job. If the queue's form is IN_HASH this may raise, and then changes nothing.
    function Bodies.remove(queue, job_id)
        if queue[FORM] == ALONE then
            call('UNLINK', Scope.key('one', queue[ID]))
        else
            call('HDEL', Scope.key('jobs', queue[ID]), job_id)
        end
    end
end

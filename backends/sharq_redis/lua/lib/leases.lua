-- Leases: who holds a job, and until when.
--
-- A lease is packed values: token, expiry, the job's number, attempt, leased at, job id. The only lease
-- of a queue stands in its record. From the second on each is a field of the jobs' hash, '=' and the
-- job id, and the queue has a zset of them, number and job id -> expiry. Queues that have leases stand
-- in EXPIRING under the first expiry.

local TOKEN, EXPIRY, JOB_NUMBER, ATTEMPT, LEASED_AT, JOB = 1, 2, 3, 4, 5, 6

do
    local gone, later, sooner = {n = 0}, {n = 0}, {n = 0}   -- of EXPIRING, to be written
    local soonest               -- expiry that was given

    function Leases.begin()
        gone.n, later.n, sooner.n, soonest = 0, 0, 0, math.huge
    end

    function Leases.only_job(queue)
        if queue[LEASE] ~= '' then
            return ({cmsgpack.unpack(queue[LEASE])})[JOB]
        end
    end

    -- Return the lease of a job, or nil.
    function Leases.of(queue, job_id)
        if queue[LEASED] == 0 then
            return nil
        end
        local raw
        if queue[LEASE] ~= '' then
            raw = queue[LEASE]
        else
            raw = call('HGET', Scope.key('jobs', queue[ID]), '=' .. job_id)
        end
        local lease = raw and {cmsgpack.unpack(raw)}
        return lease and lease[JOB] == job_id and lease or nil
    end

    local function write(queue, lease, raw)
        call('ZADD', Scope.key('leases', queue[ID]), integer(lease[EXPIRY]),
            Line.member(lease[JOB_NUMBER], lease[JOB]))
        call('HSET', Scope.key('jobs', queue[ID]), '=' .. lease[JOB], raw)
    end

    -- Give a lease. With others this writes; if that raises, nothing has changed.
    function Leases.give(queue, lease)
        local raw = cmsgpack.pack(unpack(lease))
        if queue[LEASED] == 0 then
            queue[LEASE] = raw
        else
            write(queue, lease, raw)
            if queue[LEASE] ~= '' then
                write(queue, {cmsgpack.unpack(queue[LEASE])}, queue[LEASE])
                queue[LEASE] = ''
            end
        end
        queue[LEASED] = queue[LEASED] + 1
        if not queue[FIRST] or lease[EXPIRY] < queue[FIRST] then
            queue[FIRST] = lease[EXPIRY]
        end
        soonest = math.min(soonest, lease[EXPIRY])
    end

    -- End a lease; its job is to follow. Its only write comes first.
    function Leases.take(queue, lease)
        if queue[LEASE] ~= '' then
            queue[LEASE] = ''
        else
            local member = Line.member(lease[JOB_NUMBER], lease[JOB])
            if call('ZREM', Scope.key('leases', queue[ID]), member) == 0 then
                error('the lease of ' .. lease[JOB] .. ' is not listed')
            end
            call('HDEL', Scope.key('jobs', queue[ID]), '=' .. lease[JOB])
        end
        queue[LEASED] = queue[LEASED] - 1
        queue[ENDED] = true
    end

    -- Return the lease of a queue that expires first, else nil.
    function Leases.first(queue)
        if queue[LEASE] ~= '' then
            return {cmsgpack.unpack(queue[LEASE])}
        end
        local member = call('ZRANGE', Scope.key('leases', queue[ID]), 0, 0)[1]
        if member then
            local _, job_id = Line.parse(member)
            return Leases.of(queue, job_id) or error('the lease of ' .. job_id .. ' is missing')
        elseif queue[LEASED] > 0 then
            error('its leases are missing')
        end
    end

    local function first_expiry(queue)
        if queue[LEASE] ~= '' then
            return ({cmsgpack.unpack(queue[LEASE])})[EXPIRY]
        end
        return tonumber(call('ZRANGE', Scope.key('leases', queue[ID]), 0, 0, 'WITHSCORES')[2])
    end

    -- Find the lease that is claimed for a job with `token`, or (if that is '') its current one.
    -- Return 'ended' and the lease, or 'stale' or 'unknown'.
    function Leases.claim(queue, id, job_id, token)
        local lease = queue and Leases.of(queue, job_id)
        if lease then
            if token == '' or token == lease[TOKEN] then
                return 'ended', lease
            end
            return 'stale'
        end
        if token ~= '' and ((queue and Bodies.has(queue, job_id))
            or call('HEXISTS', Scope.key('dead', id), job_id) == 1) then
            return 'stale'
        end
        return 'unknown'
    end

    -- Have the expiry under which a queue is listed written by `write`.
    function Leases.collect(queue)
        if queue[ENDED] then
            if queue[LEASED] == 0 then
                Writes.add(gone, queue[ID])
            else
                Writes.add(later, integer(first_expiry(queue) or now), queue[ID])
            end
        elseif queue[FIRST] then
            Writes.add(sooner, integer(queue[FIRST]), queue[ID])
        end
        queue[ENDED], queue[FIRST] = false, false
    end

    function Leases.write()
        Writes.send(gone, 'ZREM', EXPIRING)
        Writes.send(later, 'ZADD', EXPIRING)
        Writes.send(sooner, 'ZADD', EXPIRING, 'LT')
        if soonest < math.huge then
            call('ZADD', DUE, 'LT', integer(soonest), Scope.type_name())
            soonest = math.huge
        end
    end
end

-- What time does to a type: leases expire, and what is paid off is forgotten.

local Expiry = {}

do
    local REQUEUES_EXHAUSTED = 'requeues_exhausted'

    -- End the first lease of a queue. Return 'requeued' or 'dead', and the lease.
    local function reclaim(id)
        local queue = Queues.load(id)
        local lease = queue and Leases.first(queue)
        if not lease then
            call('ZREM', EXPIRING, id)
            return 'gone'
        elseif lease[EXPIRY] > now then  -- the list was wrong
            call('ZADD', EXPIRING, integer(lease[EXPIRY]), id)
            return 'gone'
        end
        local job_id, attempts = lease[JOB], lease[ATTEMPT]
        local raw = Bodies.get(queue, job_id)
        local requeues, _, payload_at, tail = Bodies.parse(raw)
        if requeues ~= 0 then
            Waiting.check(queue)
            requeues = requeues > 0 and requeues - 1 or requeues
            Step.bring_back(queue, lease, Bodies.renewed(raw, requeues, attempts))
            return 'requeued', lease
        end
        Dead.check(queue, job_id)
        Leases.take(queue, lease)
        Dead.add(queue, job_id, REQUEUES_EXHAUSTED, attempts, Bodies.enqueued_at(raw), tail,
            string.sub(raw, payload_at))
        Bodies.remove(queue, job_id)
        Step.changed(queue)
        return 'dead', lease
    end

    local function first_expired()
        return call('ZRANGE', EXPIRING, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
    end

    -- End up to `limit` expired leases by (expiry, queue id, number). Return those that went back and
    -- those that died as lists of queue id, job id, token, then the damaged queues with the reason.
    function Expiry.end_leases(limit)
        local ended, broken = {requeued = {}, dead = {}}, {}
        local id = first_expired()
        for _ = 1, limit do
            if not id then
                break
            end
            local outcome, lease = guarded(reclaim, id)
            if not outcome then
                call('ZADD', EXPIRING, integer(now + QUARANTINE_MS), id)
                broken[#broken + 1], broken[#broken + 2] = id, lease
            elseif lease then
                local list = ended[outcome]
                list[#list + 1], list[#list + 2], list[#list + 3] = id, lease[JOB], lease[TOKEN]
            end
            Step.write()
            id = first_expired()
        end
        return ended.requeued, ended.dead, broken
    end

    -- Forget up to `limit` of what queues left behind that is paid off. By the server's own time it
    -- expires by itself.
    function Expiry.forget(limit)
        if own_time then
            return
        end
        local paid = call('ZRANGE', IDLE, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
        for _, id in ipairs(paid) do
            local fine, left = pcall(Left.by, id)
            local asked_until = fine and left and Counts.asked_until(left) or 0
            if asked_until <= now then
                Left.drop(id)
            else
                call('ZADD', IDLE, integer(asked_until), id)
            end
        end
    end

    -- Note when there is something to do on the type again.
    function Expiry.note_due()
        local leased = call('ZRANGE', EXPIRING, 0, 0, 'WITHSCORES')[2]
        local idle = not own_time and call('ZRANGE', IDLE, 0, 0, 'WITHSCORES')[2]
        local due = math.min(tonumber(leased) or math.huge, tonumber(idle) or math.huge)
        if due < math.huge then
            call('ZADD', DUE, integer(due), Scope.type_name())
        else
            call('ZREM', DUE, Scope.type_name())
        end
        return due
    end
end

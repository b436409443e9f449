-- What time does to a type: leases expire, delayed jobs are due, ttls pass, and what is paid off is forgotten.

local Expiry = {}

do
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
        local raw = Bodies.get(queue, lease[JOB])
        local requeues, _, payload_at, tail = Bodies.parse(raw)
        if requeues == 0 then
            Returning.die(queue, lease, raw, 'requeues_exhausted', tail, payload_at)
            return 'dead', lease
        end
        local left, delay, marked = Returning.penalize(requeues, tail)
        local lives = Returning.come_back(queue, lease, raw, left, marked, payload_at, delay)
        return lives and 'requeued' or 'dead', lease
    end

    -- End up to `limit` expired leases by (expiry, queue id, number). Return those that went back and
    -- those that died as lists of queue id, job id, token; add the damaged queues, each with the reason, to
    -- `broken`.
    function Expiry.end_leases(limit, broken)
        local ended = {requeued = {}, dead = {}}
        for _ = 1, limit do
            local id = call('ZRANGE', EXPIRING, '-inf', integer(now), 'BYSCORE', 'LIMIT', 0, 1)[1]
            if not id then
                break
            end
            local outcome, lease = guarded(reclaim, id)
            if not outcome then
                call('ZADD', EXPIRING, integer(now + QUARANTINE_MS), id)
                note_broken(broken, id, lease)
            elseif lease then
                local list = ended[outcome]
                list[#list + 1], list[#list + 2], list[#list + 3] = id, lease[JOB], lease[TOKEN]
            end
            Step.write()
        end
        Totals.add('expired_leases', (#ended.requeued + #ended.dead) / 3)
        return ended.requeued, ended.dead
    end

    -- Let up to `limit` due jobs join those that wait, and up to `limit` die whose ttl has passed. Add the
    -- damaged queues, each with the reason, to `broken`.
    function Expiry.serve_timers(limit, broken)
        local joins, deaths = limit, limit
        local function serve(id)
            local queue = Queues.load(id)
            if not queue then
                call('ZREM', TIMERS, id)
                return true
            end
            joins = joins - Delays.join(queue, joins)
            deaths = deaths - Ttls.expire(queue, deaths)
            queue[TIMED] = true     -- so that it is listed anew
            Step.changed(queue)
            return true
        end
        while joins > 0 and deaths > 0 do
            local id = call('ZRANGE', TIMERS, '-inf', integer(now), 'BYSCORE', 'LIMIT', 0, 1)[1]
            if not id then
                break
            end
            local fine, reason = guarded(serve, id)
            if not fine then
                call('ZADD', TIMERS, integer(now + QUARANTINE_MS), id)
                note_broken(broken, id, reason)
            end
            Step.write()
        end
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
            local needed_until = fine and left and Left.needed_until(left) or 0
            if needed_until <= now then
                Left.drop(id)
            elseif needed_until == NO_END then
                call('ZREM', IDLE, id)
            else
                call('ZADD', IDLE, integer(needed_until), id)
            end
        end
    end

    -- Note when `tend` has something to do in the type again: at `further` or earlier. Return the instant that
    -- was noted.
    function Expiry.note_due(further)
        local idle = not own_time and first_instant(IDLE)
        local due = math.min(first_instant(EXPIRING) or math.huge, idle or math.huge,
            first_instant(TIMERS) or math.huge, further)
        if due < math.huge then
            call('ZADD', DUE, integer(due), Scope.type_name())
        else
            call('ZREM', DUE, Scope.type_name())
        end
        return due
    end
end

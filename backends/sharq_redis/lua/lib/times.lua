-- Times: when the first delayed job of a queue is due (lib/delays.lua), and when the first ttl has passed
-- (lib/ttls.lua).
--
-- The tail of the queue's record has both, as a and z; its l says that the queue has dead letters. In a step that
-- removes members of `ending`, z may be too early until the step is written. A queue that uses neither has no tail
-- for it, and is listed nowhere.

do
    local later, gone = {n = 0}, {n = 0}    -- to be written

    function Times.read(queue)
        local features = cmsgpack.unpack(queue[TAIL])
        queue[FEATURES], queue[DUE_AT], queue[ENDS_AT] = features, features.a, features.z
        queue[HAS_LETTERS] = features.l == 1
    end

    -- Return the first instant in a zset of a queue, nil if that is empty.
    function Times.first_of(kind, queue)
        return first_instant(Scope.key(kind, queue[ID]))
    end

    -- Raise if a job with a tail could not be put into a queue of this id.
    function Times.check(id)
        call('HLEN', JOBS .. id)
        call('ZCARD', Scope.key('delayed', id))
        call('ZCARD', Scope.key('ending', id))
    end

    -- Return how many jobs of a queue are delayed, due ones included.
    function Times.delayed(queue)
        local count = queue[DUE_AT] and call('ZCARD', Scope.key('delayed', queue[ID])) or 0
        if queue[DUE_AT] and count == 0 then
            error('its delayed jobs are missing')
        end
        return count
    end

    -- Return how many of them are due: they count as waiting.
    function Times.due(queue)
        if queue[DUE_AT] and queue[DUE_AT] <= now then
            return call('ZCOUNT', Scope.key('delayed', queue[ID]), '-inf', integer(now))
        end
        return 0
    end

    -- Note that a job with a ttl is leased, or dies.
    function Times.unlist(queue, job_id, number)
        call('ZREM', Scope.key('ending', queue[ID]), Line.member(number, job_id))
        queue[UNLISTED], queue[TIMED] = true, true
    end

    -- Forget all times of a queue that is cleared.
    function Times.clear(queue)
        if queue[DUE_AT] or queue[ENDS_AT] then
            queue[DUE_AT], queue[ENDS_AT], queue[TIMED] = nil, nil, true
        end
    end

    -- Write when something is due in the first `count` of a list of queues that were changed.
    function Times.write(changed, count)
        local soonest       -- nil if no queue has other times
        for at = 1, count do
            local queue = changed[at]
            if queue[TIMED] then
                if not soonest then
                    soonest, later.n, gone.n = math.huge, 0, 0
                end
                if queue[UNLISTED] then
                    queue[ENDS_AT], queue[UNLISTED] = Times.first_of('ending', queue), false
                end
                local features = queue[FEATURES] or {}
                features.a, features.z = queue[DUE_AT], queue[ENDS_AT]
                features.l = queue[HAS_LETTERS] and 1 or nil
                queue[FEATURES], queue[RETAILED], queue[TIMED] = features, true, false
                local first = math.min(queue[DUE_AT] or math.huge, queue[ENDS_AT] or math.huge)
                if first < math.huge then
                    Writes.add(later, integer(first), queue[ID])
                    soonest = math.min(soonest, first)
                else
                    Writes.add(gone, queue[ID])
                end
            end
        end
        if not soonest then
            return
        end
        Writes.send(later, 'ZADD', TIMERS)
        Writes.send(gone, 'ZREM', TIMERS)
        if soonest < math.huge then
            call('ZADD', DUE, 'LT', integer(soonest), Scope.type_name())
        end
    end
end

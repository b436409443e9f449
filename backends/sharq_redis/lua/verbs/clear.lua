-- Remove a queue's jobs, also where its keys are damaged.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id, 3 'purge' or '': also its dead letters and its counts
-- Reply how many waited, were leased, were dead letters, were delayed, as far as that can be told

local Clear = {flags = {'allow-oom'}}

do
    local function count_dead(id)
        local number = try('ZCARD', Scope.key('deaths', id))
        return type(number) == 'number' and number or 0
    end

    -- Take a queue whose record cannot be read out of the type. A place in line that it may have is
    -- dropped when a dequeue meets it.
    local function drop(id)
        call('HDEL', QUEUES, id)
        call('ZREM', TIMERS, id)
        Queues.forget_empty_type()
    end

    -- Return how many jobs of a queue are delayed and how many of these are due.
    local function count_delayed(queue)
        local fine, delayed = pcall(Times.delayed, queue)
        local fine_too, due = pcall(Times.due, queue)
        return fine and delayed or 0, fine_too and due or 0
    end

    local function clear_record(queue, purge, due)
        local waiting, leased = queue[WAITING] + due, queue[LEASED]
        queue[WAITING], queue[LEASED], queue[LEASE] = 0, 0, ''
        Times.clear(queue)
        if purge then
            Counts.forget(queue)
        end
        Step.changed(queue)
        Step.write()
        return waiting, leased
    end

    -- Forget the counts that a queue without jobs left behind.
    local function clear_left(id)
        local fine, left = pcall(Left.by, id)
        Left.drop(id)
        if fine and left then
            Limits.take_up(left)
            Counts.forget(left)
            Left.leave(left)
        end
    end

    function Clear.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local id, purge = args[2], args[3] == 'purge'
        local waiting, leased, dead, delayed, due = 0, 0, 0, 0, 0
        local fine, queue = pcall(Queues.load, id)
        if fine and queue then
            delayed, due = count_delayed(queue)
        end
        call('UNLINK', Scope.key('one', id), Scope.key('jobs', id), Scope.key('rest', id),
            Scope.key('leases', id), Scope.key('delayed', id), Scope.key('ending', id))
        call('ZREM', EXPIRING, id)
        if not fine then
            Left.drop(id)
            drop(id)
        elseif queue then
            Left.drop(id)   -- a queue that exists has none, unless its keys are damaged
            waiting, leased = clear_record(queue, purge, due)
        else
            call('ZREM', TIMERS, id)
            if purge then
                clear_left(id)
            end
        end
        if purge then
            dead = count_dead(id)
            call('UNLINK', Scope.key('dead', id), Scope.key('deaths', id))
        end
        return {waiting, leased, dead, delayed - due}
    end
end

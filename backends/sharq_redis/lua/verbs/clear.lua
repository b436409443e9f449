-- Remove a queue's jobs, also where its keys are damaged.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id, 3 'purge' or '': also its dead letters and its counts
-- Reply how many waited, were leased, were dead letters, as far as that can be told

local Clear = {flags = {'allow-oom'}}

do
    local function count_dead(id)
        local number = redis.pcall('ZCARD', Scope.key('deaths', id))
        return type(number) == 'number' and number or 0
    end

    -- Take a queue whose record cannot be read out of the type. A place in line that it may have is
    -- dropped when a dequeue meets it.
    local function drop(id)
        call('HDEL', QUEUES, id)
        call('ZREM', EXPIRING, id)
        Queues.forget_empty_type()
    end

    local function clear_record(queue, purge)
        local waiting, leased = queue[WAITING], queue[LEASED]
        queue[WAITING], queue[LEASED], queue[LEASE] = 0, 0, ''
        call('ZREM', EXPIRING, queue[ID])
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
        local waiting, leased, dead = 0, 0, 0
        local fine, queue = pcall(Queues.load, id)
        call('UNLINK', Scope.key('one', id), Scope.key('jobs', id), Scope.key('rest', id),
            Scope.key('leases', id))
        if not fine then
            Left.drop(id)
            drop(id)
        elseif queue then
            Left.drop(id)   -- a queue that exists has none, unless its keys are damaged
            waiting, leased = clear_record(queue, purge)
        else
            call('ZREM', EXPIRING, id)
            if purge then
                clear_left(id)
            end
        end
        if purge then
            dead = count_dead(id)
            call('UNLINK', Scope.key('dead', id), Scope.key('deaths', id))
        end
        return {waiting, leased, dead}
    end
end

-- Emptying: remove all living jobs of a queue at once, even if its keys are damaged.

local Emptying = {}

do
    -- Remove from the type a queue whose record cannot be read. If it has a place in line, the dequeue that meets
    -- it drops the place. `lived` says whether the queue had keys of jobs.
    local function drop_damaged(id, lived)
        local dead = try('ZCARD', Scope.key('deaths', id))
        Left.drop(id)
        call('ZREM', TIMERS, id)
        Types.note_loss()
        if type(dead) == 'number' and dead > 0 then
            call('HSET', QUEUES, id, Tombstones.put_up(id, lived))
        else
            Queues.remove(id)
        end
        Step.write()
    end

    -- Return how many jobs of a queue are delayed, due ones included, and how many are due.
    local function count_delayed(queue)
        local fine, delayed = pcall(Times.delayed, queue)
        local fine_too, due = pcall(Times.due, queue)
        if not (fine and fine_too) then
            Types.note_loss()
            return 0, 0
        end
        return delayed, due
    end

    -- Remove all living jobs from a record.
    local function empty(queue, delayed)
        local waiting, leased = queue[WAITING], queue[LEASED]
        Totals.add('removed', waiting + leased + delayed)
        Totals.add('revoked', leased)
        Totals.add('delayed', -delayed)
        queue[WAITING] = 0
        Leases.drop_all(queue)
        Times.clear(queue)
        Step.changed(queue)
    end

    -- Remove all living jobs of a queue. Return whether there was such a queue, and how many jobs waited, were
    -- leased and were delayed; 0 where damage hides it.
    function Emptying.empty(id)
        local fine, queue = pcall(Queues.load, id)
        local waiting, leased, delayed, due = 0, 0, 0, 0
        if fine and queue then
            delayed, due = count_delayed(queue)
            waiting, leased = queue[WAITING] + due, queue[LEASED]
        end
        if call('ZREM', EXPIRING, id) == 1 and not (fine and queue) then
            Leases.drop_uncounted(id)
        end
        local unlinked = call('UNLINK', ONE .. id, JOBS .. id, REST .. id,
            Scope.key('leases', id), Scope.key('delayed', id), Scope.key('ending', id))
        if not fine then
            drop_damaged(id, unlinked > 0)
        elseif queue then
            Left.drop(id)       -- a queue that exists has none, unless its keys are damaged
            empty(queue, delayed)
        else
            call('ZREM', TIMERS, id)
            Left.drop_damaged(id)
        end
        return not fine or queue ~= false, waiting, leased, delayed - due
    end
end

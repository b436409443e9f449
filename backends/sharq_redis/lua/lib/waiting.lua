-- Waiting: the order in which the jobs of a queue wait.
--
-- A job's place is its number, less RETURNED if it came back: those stand before all that were never
-- delivered. The first that waits is the head, kept in the record; the rest is a zset.

local RETURNED = 2 ^ 48

do
    -- Raise if a job that returns or joins could not be put among those that wait.
    function Waiting.check(queue)
        if queue[WAITING] > 0 then
            call('ZCARD', Scope.key('rest', queue[ID]))
        end
    end

    -- Let a job wait at `place`. Its only write comes first: if that raises, nothing has changed.
    function Waiting.add(queue, job_id, place)
        if queue[WAITING] == 0 then
            queue[HEAD_PLACE], queue[HEAD] = place, job_id
        elseif place < queue[HEAD_PLACE] then
            call('ZADD', Scope.key('rest', queue[ID]), integer(queue[HEAD_PLACE]), queue[HEAD])
            queue[HEAD_PLACE], queue[HEAD] = place, job_id
        else
            call('ZADD', Scope.key('rest', queue[ID]), integer(place), job_id)
        end
        queue[WAITING] = queue[WAITING] + 1
    end

    -- Take the head away; the first of the rest is the next. Its only write comes first.
    function Waiting.take_head(queue)
        local place, id = 0, ''
        if queue[WAITING] > 1 then
            local first = call('ZPOPMIN', Scope.key('rest', queue[ID]))
            if not first[1] then
                error('jobs that wait are missing')
            end
            place, id = tonumber(first[2]), first[1]
        end
        queue[HEAD_PLACE], queue[HEAD] = place, id
        queue[WAITING] = queue[WAITING] - 1
    end
end

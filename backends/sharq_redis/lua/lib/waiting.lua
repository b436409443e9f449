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

    -- Let a job wait at `place`. Return nil, or why it cannot; then nothing has changed.
    function Waiting.try_add(queue, job_id, place)
        if queue[WAITING] > 0 then
            local is_first = place < queue[HEAD_PLACE]
            local behind_place = is_first and queue[HEAD_PLACE] or place
            local behind = is_first and queue[HEAD] or job_id
            local reply = redis.pcall('ZADD', Scope.key('rest', queue[ID]), integer(behind_place), behind)
            if type(reply) == 'table' then
                return reply.err
            elseif is_first then
                queue[HEAD_PLACE], queue[HEAD] = place, job_id
            end
        else
            queue[HEAD_PLACE], queue[HEAD] = place, job_id
        end
        queue[WAITING] = queue[WAITING] + 1
    end

    -- Let a job wait at `place`. If this raises, nothing has changed.
    function Waiting.add(queue, job_id, place)
        local reason = Waiting.try_add(queue, job_id, place)
        if reason then
            error(reason, 0)
        end
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

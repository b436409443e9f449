-- Waiting: the order in which the jobs of a queue wait.
--
-- A job's place is its number, less RETURNED if it came back: those stand before all that were never
-- delivered; less PRIORITY for each step of its priority. The first that waits is the head, kept in the record; the rest is a zset.

local RETURNED = 2 ^ 48
local PRIORITY = 2 ^ 49

do
    -- Raise if so many jobs (one, unless said) could not be put among those that wait.
    function Waiting.check(queue, count)
        if queue[WAITING] + (count or 1) > 1 then
            call('ZCARD', REST .. queue[ID])
        end
    end

    -- Let a job wait at `place`. Return nil, or why it cannot; then nothing has changed.
    function Waiting.try_add(queue, job_id, place)
        if queue[WAITING] > 0 then
            local is_first = place < queue[HEAD_PLACE]
            local behind_place = is_first and queue[HEAD_PLACE] or place
            local behind = is_first and queue[HEAD] or job_id
            local reply = try('ZADD', REST .. queue[ID], integer(behind_place), behind)
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

    -- Return the place of a job.
    function Waiting.place(number, returned, priority)
        return number - (returned and RETURNED or 0) - priority * PRIORITY
    end

    -- Return how many jobs stand before one that waits, and its place; nil if it does not wait.
    function Waiting.rank(queue, job_id)
        if queue[WAITING] > 0 and queue[HEAD] == job_id then
            return 0, queue[HEAD_PLACE]
        end
        local rank = queue[WAITING] > 1 and call('ZRANK', REST .. queue[ID], job_id)
        if rank then
            return rank + 1, tonumber(call('ZSCORE', REST .. queue[ID], job_id))
        end
    end

    -- Take a job that waits away, wherever it stands. Return its place, or nil if it does not wait.
    function Waiting.remove(queue, job_id)
        if queue[WAITING] > 0 and queue[HEAD] == job_id then
            local place = queue[HEAD_PLACE]
            Waiting.take_head(queue)
            return place
        end
        local rest = REST .. queue[ID]
        local place = queue[WAITING] > 1 and call('ZSCORE', rest, job_id)
        if place then
            call('ZREM', rest, job_id)
            queue[WAITING] = queue[WAITING] - 1
            return tonumber(place)
        end
    end

    -- Take the head away; the first of the rest is the next. Its only write comes first.
    function Waiting.take_head(queue)
        local place, id = 0, ''
        if queue[WAITING] > 1 then
            local first = call('ZPOPMIN', REST .. queue[ID])
            if not first[1] then
                error('jobs that wait are missing')
            end
            place, id = tonumber(first[2]), first[1]
        end
        queue[HEAD_PLACE], queue[HEAD] = place, id
        queue[WAITING] = queue[WAITING] - 1
    end
end

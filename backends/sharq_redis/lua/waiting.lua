-- How jobs come to wait in a queue. Needs line.

local function change_interval(id, queue, interval, number)
    if queue[INTERVAL] == interval then
        return
    end
    queue[INTERVAL] = interval
    if queue[LENGTH] > 0 then
        set_place_anew(id, queue, number)
    end
end

-- Put the only job of a queue, which stood by itself, where jobs are that are not alone. A hash for
-- one job would take twice the memory of the job.
local function join_the_others(id, job_id, job)
    call('HSET', key_of('jobs', id), job_id, job)
    call('DEL', key_of('only', id))
end

-- Let a job stand at `place` of its queue; `number` is for the queue's place, if it needs one.
local function add_waiting(id, queue, job_id, place, number)
    local lone_id, lone = queue[HEAD], queue[LENGTH] == 1 and call('GET', key_of('only', id))
    if queue[LENGTH] == 0 then
        queue[HEAD_PLACE], queue[HEAD] = place, job_id
        enter_line(id, queue, math.max(now, allowed_at(queue)), number)
    elseif place < queue[HEAD_PLACE] then
        call('ZADD', key_of('rest', id), queue[HEAD_PLACE], queue[HEAD])
        queue[HEAD_PLACE], queue[HEAD] = place, job_id
    else
        call('ZADD', key_of('rest', id), place, job_id)
    end
    if lone then
        join_the_others(id, lone_id, lone)
    end
    queue[LENGTH] = queue[LENGTH] + 1
end

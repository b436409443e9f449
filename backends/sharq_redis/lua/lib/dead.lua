-- Dead letters: jobs that are delivered no more, kept with the reason.
--
-- A queue's hash holds '#' number -> letter, job id -> the number of its newest letter, '#' -> the latest
-- number. A letter is one packed array {version, job id, reason, died at, attempts, interval, enqueued at,
-- requeues, the number of the letter before it of the same job or 0, the job's tail if it has one} and then
-- the payload. A zset orders their numbers by the time of death.

local Dead = {}

do
    local LETTER_VERSION = 1

    -- Return the number of the newest letter of a job, or 0. Raises if one could not be added.
    function Dead.check(queue, job_id)
        local numbers = call('HMGET', Scope.key('dead', queue[ID]), '#', job_id)
        local latest, newest = tonumber(numbers[1] or 0), tonumber(numbers[2] or 0)
        if not latest or not newest then
            error('its dead letters are damaged')
        end
        call('ZCARD', Scope.key('deaths', queue[ID]))
        return newest
    end

    local function add(queue, job_id, reason, attempts, raw, payload_at, tail, before)
        local letters = Scope.key('dead', queue[ID])
        local number = call('HINCRBY', letters, '#', 1)
        local letter = cmsgpack.pack({LETTER_VERSION, job_id, reason, now, attempts, queue[INTERVAL],
            Bodies.enqueued_at(raw), (Bodies.parse(raw)), before, tail})
        call('HSET', letters, '#' .. number, letter .. string.sub(raw, payload_at), job_id, number)
        call('ZADD', Scope.key('deaths', queue[ID]), now, integer(number))
    end

    -- Return the newest letter of a job as {attempts, requeues, enqueued at, tail, payload, number, the number
    -- before it}, or nil.
    function Dead.newest(id, job_id)
        local letters = Scope.key('dead', id)
        local number = call('HGET', letters, job_id)
        local raw = number and call('HGET', letters, '#' .. number)
        if raw then
            local offset, letter = cmsgpack.unpack_limit(raw, 1, 0)
            local payload = offset == -1 and '' or string.sub(raw, offset + 1)
            return {letter[5], letter[8], letter[7], letter[10], payload, number, letter[9]}
        end
    end

    -- Remove the newest letter of a job; return whether there was one.
    function Dead.remove_newest(id, job_id)
        local letter = Dead.newest(id, job_id)
        if not letter then
            return false
        end
        local letters, number, before = Scope.key('dead', id), letter[6], letter[7]
        call('ZREM', Scope.key('deaths', id), number)
        call('HDEL', letters, '#' .. number)
        if before ~= 0 and call('HEXISTS', letters, '#' .. before) == 1 then
            call('HSET', letters, job_id, integer(before))
        else
            call('HDEL', letters, job_id)
        end
        if call('ZCARD', Scope.key('deaths', id)) == 0 then
            call('DEL', letters)
        end
        return true
    end

    -- Keep a job as a dead letter, and remove it. What this uses was checked by `check`, which told `before`.
    function Dead.bury(queue, job_id, reason, attempts, raw, payload_at, tail, before)
        add(queue, job_id, reason, attempts, raw, payload_at, tail, before)
        if tail and tail.k then
            Keys.outlive(queue[ID], tail.k, tail.u, job_id)
        end
        Bodies.remove(queue, job_id)
    end
end

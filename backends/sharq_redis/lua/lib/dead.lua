-- Dead letters: jobs that are delivered no more, kept with the reason.
--
-- A queue's hash holds '#' number -> letter, job id -> how many letters it has, '#' -> the latest number.
-- A letter is one packed array {version, job id, reason, died at, attempts, interval, enqueued at, the job's
-- tail if it has one} and then the payload. A zset orders their numbers by the time of death.

local Dead = {}

do
    local LETTER_VERSION = 1

    -- Raise if a letter of a job could not be added.
    function Dead.check(queue, job_id)
        for _, number in ipairs(call('HMGET', Scope.key('dead', queue[ID]), '#', job_id)) do
            if number and not tonumber(number) then
                error('its dead letters are damaged')
            end
        end
        call('ZCARD', Scope.key('deaths', queue[ID]))
    end

    function Dead.add(queue, job_id, reason, attempts, enqueued_at, tail, payload)
        local letters = Scope.key('dead', queue[ID])
        local number = call('HINCRBY', letters, '#', 1)
        local letter = cmsgpack.pack({LETTER_VERSION, job_id, reason, now, attempts,
            queue[INTERVAL], enqueued_at, tail})
        call('HSET', letters, '#' .. number, letter .. payload)
        call('HINCRBY', letters, job_id, 1)
        call('ZADD', Scope.key('deaths', queue[ID]), now, integer(number))
    end
end

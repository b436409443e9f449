-- Ttls: jobs that die when their time has passed.
--
-- A job with a ttl that is not leased is a member of the queue's zset `ending`, its number and its id, under
-- the instant at which the ttl has passed.

local Ttls = {}

do
    -- Raise if a job with a ttl could not be taken out of a queue in which it is not leased.
    function Ttls.check_ends(queue)
        if call('ZCARD', Scope.key('ending', queue[ID])) == 0 then
            error('its ttls are missing')
        end
    end

    -- Let a job die whose ttl has passed; it waits or is delayed. It is a step of its own.
    local function expire(queue, job_id, raw)
        local _, attempts, payload_at, tail = Bodies.parse(raw)
        local before = Dead.check(queue, job_id)
        Delays.take_out(queue, job_id, attempts, tail)
        Dead.bury(queue, job_id, 'expired', attempts, raw, payload_at, tail, before)
        Step.changed(queue)
    end

    -- Return the raw head of a queue if its ttl has passed.
    local function ended_head(queue)
        if queue[WAITING] > 0 and queue[ENDS_AT] and queue[ENDS_AT] <= now then
            local raw = Bodies.get(queue, queue[HEAD])
            local _, _, _, tail = Bodies.parse(raw)
            if tail and tail.e and tail.e <= now then
                return raw
            end
        end
    end

    -- Let up to `limit` jobs die that stand first in a queue and have ended; return how many did.
    function Ttls.drop_ended(queue, limit)
        local died = 0
        while died < limit do
            local raw = ended_head(queue)
            if not raw then
                break
            elseif died == 0 then
                Ttls.check_ends(queue)
            end
            expire(queue, queue[HEAD], raw)
            died = died + 1
        end
        return died
    end

    -- Return whether the first job of a queue may go.
    function Ttls.may_go(queue)
        return queue[WAITING] > 0 and not ended_head(queue)
    end

    -- Let up to `limit` jobs of a queue die that have ended, wherever they stand; return how many did.
    function Ttls.expire(queue, limit)
        local died = 0
        while died < limit and queue[ENDS_AT] and queue[ENDS_AT] <= now do
            local first = call('ZRANGE', Scope.key('ending', queue[ID]), 0, 0, 'WITHSCORES')
            if not first[1] and died == 0 then
                error('its ttls are missing')
            elseif not first[1] or tonumber(first[2]) > now then
                queue[UNLISTED], queue[TIMED] = true, true
                break
            end
            local job_id = Line.id_in(first[1])
            expire(queue, job_id, Bodies.get(queue, job_id))
            died = died + 1
        end
        return died
    end
end

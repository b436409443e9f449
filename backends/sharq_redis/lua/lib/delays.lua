-- Delays: jobs that wait for their time.
--
-- A delayed job is a member of the queue's zset `delayed`, under the instant at which it is due: 9 less its
-- priority, its number, whether it came back, and its id, so that equals sort as they are to join.

local Delays = {}

do
    local HEADER, HEADER_LENGTH = '>BI6B', 8
    local MAX_PRIORITY = 9

    local function member(job_id, number, returned, priority)
        return struct.pack(HEADER, MAX_PRIORITY - priority, number, returned and 1 or 0) .. job_id
    end

    -- Return the urgency (9 minus its priority), the number and the id of the job in a member.
    function Delays.parts(name)
        local urgency, number = struct.unpack(HEADER, name)
        return urgency, number, string.sub(name, HEADER_LENGTH + 1)
    end

    -- Return the place that the job in a member takes when it joins those that wait.
    function Delays.place_in(name)
        local urgency, number, returned = struct.unpack(HEADER, name)
        return Waiting.place(number, returned == 1, MAX_PRIORITY - urgency)
    end

    -- Return the members of the first due jobs of a queue, up to `limit`.
    function Delays.first_due(queue, limit)
        if limit == 0 or not queue[DUE_AT] or queue[DUE_AT] > now then
            return {}
        end
        return call('ZRANGE', Scope.key('delayed', queue[ID]), '-inf', integer(now), 'BYSCORE', 'LIMIT', 0,
            integer(limit))
    end

    -- Put a job into a queue: it waits, or is delayed until `at`. What this uses was checked before. Return
    -- its tail; the job is to be written anew.
    function Delays.put(queue, job_id, number, returned, tail, at)
        local priority = tail and tail.p or 0
        if at > now then
            Bodies.spread(queue)
            tail = tail or {}
            tail.i, tail.a = number, at
            Totals.add('delayed', 1)
            call('ZADD', Scope.key('delayed', queue[ID]), integer(at),
                member(job_id, number, returned, priority))
            queue[DUE_AT], queue[TIMED] = math.min(queue[DUE_AT] or at, at), true
        else
            Waiting.add(queue, job_id, Waiting.place(number, returned, priority))
        end
        if tail and tail.e then
            call('ZADD', Scope.key('ending', queue[ID]), integer(tail.e), Line.member(number, job_id))
            queue[ENDS_AT], queue[TIMED] = math.min(queue[ENDS_AT] or tail.e, tail.e), true
        end
        return tail
    end

    -- Let up to `limit` due jobs of a queue join those that wait, in one step; return how many did.
    function Delays.join(queue, limit)
        if limit == 0 or not queue[DUE_AT] or queue[DUE_AT] > now then
            return 0
        end
        local due, places = Delays.first_due(queue, limit), {}
        for at = 1, #due do
            places[at] = Delays.place_in(due[at])
        end
        Waiting.check(queue, #due)
        for at = 1, #due do
            Waiting.add(queue, string.sub(due[at], HEADER_LENGTH + 1), places[at])
        end
        if #due > 0 then
            call('ZREM', Scope.key('delayed', queue[ID]), unpack(due))
            Totals.add('delayed', -#due)
        else
            Times.delayed(queue)    -- raises if they are missing; else the record was wrong
        end
        queue[DUE_AT], queue[TIMED] = Times.first_of('delayed', queue), true
        Step.changed(queue)
        return #due
    end

    -- Return the first delayed job of a queue and when it is due, or nil. The flags say whether to take jobs that
    -- are due, and jobs that are not.
    function Delays.first(queue, due, later)
        if not queue[DUE_AT] then
            return nil
        end
        local from, to = due and '-inf' or '(' .. integer(now), later and '+inf' or integer(now)
        local found = call('ZRANGE', Scope.key('delayed', queue[ID]), from, to, 'BYSCORE', 'LIMIT', 0, 1,
            'WITHSCORES')
        if found[1] then
            return string.sub(found[1], HEADER_LENGTH + 1), tonumber(found[2])
        end
    end

    -- Return the member of `delayed` that a job is, if it does not wait.
    local function member_of(job_id, attempts, tail)
        if not tail or not tail.i then
            error('job ' .. job_id .. ' stands nowhere')
        end
        return member(job_id, tail.i, attempts > 0, tail.p or 0)
    end

    -- Return how many jobs stand before one that waits or is delayed; its place among those that wait, now or once
    -- it joins them; and when it is due, if it is delayed.
    function Delays.position(queue, job_id, attempts, tail)
        local rank, place = Waiting.rank(queue, job_id)
        if rank then
            return rank, place
        end
        local delayed, found = Scope.key('delayed', queue[ID]), member_of(job_id, attempts, tail)
        rank = call('ZRANK', delayed, found) or error('job ' .. job_id .. ' stands nowhere')
        return queue[WAITING] + rank, Delays.place_in(found), tonumber(call('ZSCORE', delayed, found))
    end

    -- Take a job that waits or is delayed out of the order of its queue. What this uses was checked before.
    -- Return its number, and when it is due if it is delayed.
    function Delays.take_out(queue, job_id, attempts, tail)
        local place, at = Waiting.remove(queue, job_id), nil
        local number = place and place % RETURNED
        if not place then
            local delayed, found = Scope.key('delayed', queue[ID]), member_of(job_id, attempts, tail)
            at = tonumber(call('ZSCORE', delayed, found) or error('job ' .. job_id .. ' stands nowhere'))
            call('ZREM', delayed, found)
            Totals.add('delayed', -1)
            number, queue[DUE_AT], queue[TIMED] = tail.i, Times.first_of('delayed', queue), true
        end
        if tail and tail.e then
            Times.unlist(queue, job_id, number)
        end
        return number, at
    end
end

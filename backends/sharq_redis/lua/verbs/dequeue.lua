-- Lease ready jobs, the first of the first ready queue in line each time.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 bytes of payload that end the call, then for each take
--       packed values count, lease time in ms, attempt id or '', and as many tokens of 16 characters
-- Reply the time, the damaged queues, each with the reason, then for each take a list: next_ready_at
--       or -1, when the leases expire, the tokens of a repeated attempt in a row or '' (then they are
--       the first of its own), the expired leases that went back and those whose jobs died, each as
--       a list of queue id, job id and token, then for each job: queue id, job id, requeues remaining,
--       attempt, jobs waiting behind it, where the payload begins, the job with its payload

local Dequeue = {flags = {'allow-oom'}}

do
    local TOKEN = 16
    local PAGE = 100
    local MAX_PASSED_OVER = 1000
    local MAX_ENDED = 100       -- expired leases that a call ends
    local SERVED, FULL, NOTHING_THERE = 1, 2, 3
    local left_bytes, served_any, is_full, may_end, broken  -- of this call
    local expiry, tokens, served, leased                    -- of this take; `leased`: if it may be repeated

    -- Serve the queue at a place that was taken off the line. Return SERVED, or FULL if its job is too
    -- large for this call, or NOTHING_THERE if the place is nobody's, which only a hand in the keys can
    -- bring about.
    local function serve(place, reply, page)
        local number, id = Line.parse(place)
        local queue = Records.load(id)
        if not queue or queue[WAITING] == 0 or queue[PLACE] ~= number then
            return NOTHING_THERE
        end
        local job_id, job_place = queue[HEAD], queue[HEAD_PLACE]
        local raw = Bodies.get(queue, job_id)
        local requeues, attempts, _, payload_at = Bodies.parse(raw)
        local size = #raw - payload_at + 1
        if served_any and size > left_bytes then
            return FULL
        end
        if queue[LEASED] > 0 then
            call('ZCARD', Scope.key('leases', id))  -- raises now if it is damaged
        end
        Waiting.take_head(queue)
        local token = string.sub(tokens, served * TOKEN + 1, (served + 1) * TOKEN)
        Leases.give(queue, {token, expiry, job_place % RETURNED, attempts + 1, now, job_id})
        Limits.pay(queue)
        Counts.add(queue, DEQUEUES)
        queue[STOOD_AT] = false
        Step.changed(queue, true, nil, page)
        served, served_any, left_bytes = served + 1, true, left_bytes - size
        Deliveries.append(reply, queue, job_id, requeues, attempts + 1, payload_at, raw)
        if leased then
            local at = #leased
            leased[at + 1], leased[at + 2], leased[at + 3] = id, job_id, token
        end
        return SERVED
    end

    local function prefetch(places)
        local ids = {}
        for at = 1, #places, 2 do
            ids[#ids + 1] = string.sub(places[at], 7)
        end
        Records.prefetch(ids)
    end

    -- Serve the queues of places, each with its ready since, that were taken off the line. Return how
    -- many were passed over.
    local function serve_page(places, reply)
        local passed_over, last = 0, #places
        if last > 2 then
            prefetch(places)
        end
        for at = 1, last, 2 do
            local place = places[at]
            local outcome, reason = guarded(serve, place, reply, (last - at + 1) / 2)
            if outcome == FULL then
                is_full = true
                for back = at, last, 2 do
                    call('ZADD', LINE, places[back + 1], places[back])
                end
                break
            elseif outcome ~= SERVED then
                passed_over = passed_over + 1
            end
            if not outcome then
                call('ZADD', LINE, integer(now + QUARANTINE_MS), place)
                broken[#broken + 1], broken[#broken + 2] = string.sub(place, 7), reason
            end
        end
        return passed_over
    end

    local function next_ready_at()
        local waiting = call('ZRANGE', LINE, 0, 0, 'WITHSCORES')[2]
        local leased = call('ZRANGE', EXPIRING, 0, 0, 'WITHSCORES')[2]
        local first = math.min(tonumber(waiting) or math.huge, tonumber(leased) or math.huge)
        return first < math.huge and math.max(now, first) or -1
    end

    local function serve_all(count, reply)
        local passed_over, until_now = 0, integer(now)
        while served < count and not is_full and passed_over < MAX_PASSED_OVER do
            local ready = call('ZCOUNT', LINE, '-inf', until_now)
            if ready == 0 then
                break
            end
            local places = call('ZPOPMIN', LINE, integer(math.min(count - served, PAGE, ready)))
            passed_over = passed_over + serve_page(places, reply)
            Step.write()
        end
    end

    -- End expired leases. Return whether there were any.
    local function end_leases(reply)
        if call('ZCOUNT', EXPIRING, '-inf', integer(now)) == 0 then
            return false
        end
        local damaged
        reply[4], reply[5], damaged = Expiry.end_leases(may_end)
        for at = 1, #damaged do
            broken[#broken + 1] = damaged[at]
        end
        local ended = (#reply[4] + #reply[5]) / 3
        may_end = may_end - ended
        return ended > 0
    end

    local function dequeue(asked)
        local count, lease_time, attempt_id, fresh = cmsgpack.unpack(asked)
        local again = attempt_id ~= '' and guarded(Attempts.answer_again, attempt_id)
        if again then
            return again, 0
        end
        expiry, tokens, served, leased = now + lease_time, fresh, 0, attempt_id ~= '' and {}
        local reply = {-1, expiry, '', NOTHING, NOTHING, nil, nil, nil, nil, nil, nil, nil}  -- room for a job
        serve_all(count, reply)
        if served < count and not is_full and may_end > 0 and end_leases(reply) then
            serve_all(count, reply)
        end
        if leased and leased[1] then
            Attempts.keep(attempt_id, leased, expiry)
        end
        if served < count then
            reply[1] = next_ready_at()
        end
        return reply, served
    end

    function Dequeue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        left_bytes, served_any, is_full = tonumber(args[2]), false, false
        may_end, broken = MAX_ENDED, {}
        local reply, all_served = {now, broken, nil}, 0
        for at = 3, #args do
            local answer, count = dequeue(args[at])
            reply[at], all_served = answer, all_served + count
        end
        Counts.add_to_type('d', all_served)
        Wakeups.announce()
        return reply
    end
end

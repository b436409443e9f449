-- Lease ready jobs, the first of the first ready queue in line each time.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 bytes of payload that end the call, then for each take
--       packed values count, lease time in ms, attempt id or '', as many tokens of 17 characters, and
--       where it says so the only queues, or false, and whether all jobs are to be of one queue
-- Reply the time, the damaged queues, each with the reason, then for each take a list: next_ready_at
--       or -1, when the leases expire (of a repeated attempt a list), the tokens of a repeated attempt
--       in a row or '' (then they are the first of its own), the expired leases that went back and those whose jobs died, each as
--       a list of queue id, job id and token, then for each job: queue id, job id, requeues remaining,
--       attempt, jobs waiting behind it, where the payload begins, the job with its payload
--       '' may stand for an empty list.

local Dequeue = {flags = {'allow-oom'}}

do
    local MAX_ENDED = 100       -- expired leases that a call ends
    local may_end, broken, all_served       -- of this call

    local function next_ready_at(names)
        if names then
            return Views.foreseen(Choosing.foreseen(names))
        end
        return Views.foreseen(first_instant(LINE), first_instant(EXPIRING))
    end

    -- End expired leases. Return whether there were any.
    local function end_leases(reply)
        if call('ZCOUNT', EXPIRING, '-inf', integer(now)) == 0 then
            return false
        end
        reply[4], reply[5] = Expiry.end_leases(may_end, broken)
        local ended = (#reply[4] + #reply[5]) / 3
        may_end = may_end - ended
        return ended > 0
    end

    -- Return the answer to a take that is not a repeated one, and that so many others follow.
    local function take(count, expiry, attempt_id, tokens, names, together, further)
        local serve = (names or together) and Serving.serve_some or Serving.serve_up_to
        local reply = {-1, expiry, '', NOTHING, NOTHING, nil, nil, nil, nil, nil, nil, nil}  -- room for a job
        Serving.begin_take(expiry, tokens, reply, attempt_id ~= '', further)
        serve(count, names, together)
        if Serving.served() < count and not Serving.is_full() and may_end > 0 and end_leases(reply) then
            serve(count, names, together)
        end
        local served, leased = Serving.served()
        if leased and served > 0 then
            Attempts.keep(attempt_id, leased, expiry)
        end
        if served < count then
            reply[1] = Serving.is_full() and now or next_ready_at(names)
        end
        all_served = all_served + served
        return reply
    end

    local function dequeue(asked, further)
        local count, lease_time, attempt_id, tokens, names, together = cmsgpack.unpack(asked)
        local expiry = now + lease_time
        if Serving.is_over() then
            return {now, expiry, '', NOTHING, NOTHING}
        end
        if attempt_id ~= '' then
            local again, bytes = guarded(Attempts.answer_again, attempt_id)
            if again then
                Serving.hold(bytes)
                return again
            end
        end
        names = names and Choosing.readable(names, broken)
        return take(count, expiry, attempt_id, tokens, names, together, further)
    end

    function Dequeue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        may_end, broken, all_served = MAX_ENDED, {}, 0
        Serving.begin(tonumber(args[2]), broken)
        if has_gate then
            Gate.bring_to_now()
        end
        local reply = {now, broken, nil}
        for at = 3, #args do
            reply[at] = dequeue(args[at], #args - at)
        end
        Serving.write()
        if #broken == 0 then
            reply[2] = NOTHING
        end
        Counts.add_to_type('d', all_served)
        Totals.add('dequeued', all_served)
        Totals.write()
        Wakeups.announce(Serving.is_cut_short())
        return reply
    end
end

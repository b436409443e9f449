-- List the jobs of a queue in one state, in the order in which they would go.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id, 3 state, 4 'payload' or '', 5 how many at most, 6 bytes of payload that
--       end the page, then where the previous page ended, as its reply said
-- Reply the reason why the queue is damaged; or where the last job stands (lib/states.lua), an empty list if there
--       are no more, and then for each job its id and the job (lib/showing.lua)

local ListJobs = {flags = {'no-writes'}}

do
    local JOB_ID, WHERE, POSITION, DUE_TIME, ITS_LEASE = 1, 2, 3, 4, 5      -- of a job that was found

    -- Return what is known of a job, and the size of its payload.
    local function show(queue, job, with_payload)
        local raw, shown = Bodies.get(queue, job[JOB_ID]), nil
        if job[ITS_LEASE] then
            shown = Showing.leased(raw, job[ITS_LEASE], with_payload)
        else
            shown = Showing.unleased(raw, job[POSITION], job[DUE_TIME], with_payload)
        end
        return shown, #raw - shown[6] + 1
    end

    local function list(id, state, with_payload, limit, bytes, ...)
        local queue, reply, held = Queues.load(id), {NOTHING}, 0
        local found = queue and States.find(queue, state, limit + 1, ...) or NOTHING
        for at = 1, math.min(#found, limit) do
            local shown, size = show(queue, found[at], with_payload)
            held = held + size
            if at > 1 and held > bytes then
                reply[1] = found[at - 1][WHERE]
                return reply
            end
            reply[2 * at], reply[2 * at + 1] = found[at][JOB_ID], shown
        end
        if #found > limit then
            reply[1] = found[limit][WHERE]
        end
        return reply
    end

    function ListJobs.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local where = {}
        for at = 7, #args do
            where[at - 6] = tonumber(args[at])
        end
        local reply, reason = guarded(list, args[2], args[3], args[4] == 'payload', tonumber(args[5]),
            tonumber(args[6]), unpack(where))
        return reply or reason
    end
end

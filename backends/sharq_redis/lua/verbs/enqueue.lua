-- Put jobs into their queues.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each job queue id, job id, interval and
--       max_queued_length or -1; then for each job packed values requeues and 0 attempts, and its payload
-- Reply the time, then for each job: outcome (1 queued, 0 duplicate, -1 full) and how many waited
--       before it, or -2 and why its queue is damaged
-- Refused as a whole, before anything is written, when memory is full.

local Enqueue = {flags = {}}

do
    local QUEUED, DUPLICATE, FULL, BROKEN = 1, 0, -1, -2

    local FIELDS = 4
    local jobs, rests, reply        -- of this call; `rests`: its arguments, from the third on
    local beginning         -- of all jobs
    local before            -- the number before that of the first
    local queued            -- how many were

    local function answer(at, outcome, waiting)
        reply[2 * at], reply[2 * at + 1] = outcome, waiting
    end

    local function enqueue(at)
        local first = (at - 1) * FIELDS + 1
        local id, job_id, interval, limit = jobs[first], jobs[first + 1], jobs[first + 2], jobs[first + 3]
        local queue = Queues.load(id)
        local waiting = queue and queue[WAITING] or 0
        local is_full = limit >= 0 and waiting >= limit
        if is_full and not (queue and Bodies.has(queue, job_id)) then
            return answer(at, FULL, waiting)
        end
        local outcome, number = QUEUED, before + at
        if is_full then
            outcome = DUPLICATE
        elseif queue then
            local raw = beginning .. rests[at + 2]
            outcome = Bodies.join(queue, job_id, raw, number) and QUEUED or DUPLICATE
        else
            queue = Left.bring_into_being(id, Left.by(id), interval)
            Waiting.add(queue, job_id, number)
            Bodies.replace(queue, job_id, beginning .. rests[at + 2])
        end
        Limits.bring(queue, interval)
        if outcome == QUEUED then
            Counts.add(queue, ENQUEUES)
            queued = queued + 1
        end
        Step.changed(queue, false, number)
        reply[2 * at], reply[2 * at + 1] = outcome, waiting
    end

    local function tell(at, reason)
        answer(at, BROKEN, reason)
    end

    function Enqueue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        jobs, rests, reply, queued = {cmsgpack.unpack(args[2])}, args, {now, nil, nil}, 0
        local count = #jobs / FIELDS
        before, beginning = Line.reserve(count), Bodies.beginning()
        local is_new = before == 0
        Queues.prefetch_of(jobs, FIELDS)
        guard_each(1, count, enqueue, tell)
        Step.write()
        if is_new and queued == 0 then
            call('DEL', NUMBER)
        elseif is_new then
            call('SADD', TYPES, Scope.type_name())
        end
        Counts.add_to_type('e', queued)
        Wakeups.announce()
        return reply
    end
end

-- Put jobs into their queues.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', then for each job: packed values queue id, job id, interval and
--       max_queued_length or -1; packed values requeues and 0 attempts, and then its payload
-- Reply the time, then for each job: outcome (1 queued, 0 duplicate, -1 full) and how many waited
--       before it, or -2 and why its queue is damaged
-- Refused as a whole, before anything is written, when memory is full.

local Enqueue = {flags = {}}

do
    local QUEUED, DUPLICATE, FULL, BROKEN = 1, 0, -1, -2

    local beginning     -- of the jobs of this call

    local function enqueue(header, rest, number)
        local id, job_id, interval, limit = cmsgpack.unpack(header)
        local queue = Records.load(id)
        local waiting = queue and queue[WAITING] or 0
        local is_full = limit >= 0 and waiting >= limit
        if is_full and not (queue and Bodies.has(queue, job_id)) then
            return FULL, waiting
        end
        local outcome = QUEUED
        if is_full then
            outcome = DUPLICATE
        elseif queue then
            outcome = Bodies.join(queue, job_id, beginning .. rest, number) and QUEUED or DUPLICATE
        else
            queue = Left.bring_into_being(id, Left.by(id), interval)
            Waiting.add(queue, job_id, number)
            Bodies.replace(queue, job_id, beginning .. rest)
        end
        Limits.bring(queue, interval)
        if outcome == QUEUED then
            Counts.add(queue, ENQUEUES)
        end
        Step.changed(queue, false, number)
        return outcome, waiting
    end

    function Enqueue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local jobs = (#args - 1) / 2
        local reply, queued = {now, nil, nil}, 0
        local number = Line.reserve(jobs)
        beginning = Bodies.beginning()
        local is_new = number == 0
        for at = 1, jobs do
            local outcome, waiting = guarded(enqueue, args[2 * at], args[2 * at + 1], number + at)
            if outcome == QUEUED then
                queued = queued + 1
            end
            reply[2 * at], reply[2 * at + 1] = outcome or BROKEN, waiting
        end
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

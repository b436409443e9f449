-- Change jobs by their ids.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each change queue id, job id, name of the change, a map
-- Changes cancel      leased, if it may be leased
--         reschedule  p (priority), at or delay (ms), each where it is given
-- Reply for each change done, leased, dead or unknown; or why its queue is damaged

local Amend = {flags = {'allow-oom'}}

do
    local FIELDS = 4
    local items, reply      -- of this call

    -- Each takes a queue, a job of it with what is known of that, and how. It returns the outcome.
    local changes = {}

    function changes.cancel(queue, job, how)
        local lease = Leases.of(queue, job.id)
        if not lease then
            if job.tail and job.tail.e then
                Ttls.check_ends(queue)
            end
            Delays.take_out(queue, job.id, job.attempts, job.tail)
        elseif how.leased then
            Leases.take(queue, lease)
        else
            return 'leased'
        end
        Bodies.remove(queue, job.id)
        Step.changed(queue)
        return 'done'
    end

    function changes.reschedule(queue, job, how)
        if Leases.of(queue, job.id) then
            return 'leased'
        end
        Times.check(queue[ID])
        local number, at = Delays.take_out(queue, job.id, job.attempts, job.tail)
        local tail = job.tail or {}
        if how.p then
            tail.p = how.p > 0 and how.p or nil
        end
        at = how.at or how.delay and now + how.delay or at or now
        tail = Delays.put(queue, job.id, number, job.attempts > 0, tail, at)
        local raw = Bodies.with(job.raw, job.requeues, job.attempts, tail, job.payload_at)
        Bodies.replace(queue, job.id, raw)
        Step.changed(queue)
        return 'done'
    end

    -- Change a job that does not live, if it is dead.
    local function amend_dead(id, job_id, name)
        if name == 'cancel' then
            return Dead.remove_newest(id, job_id) and 'done' or 'unknown'
        end
        return Dead.newest(id, job_id) and 'dead' or 'unknown'
    end

    local function amend(at)
        local first = (at - 1) * FIELDS + 1
        local id, job_id, name = items[first], items[first + 1], items[first + 2]
        local queue, change = Queues.load(id), changes[name] or error('there is no change ' .. name)
        local raw = queue and Bodies.find(queue, job_id)
        if not raw then
            reply[at] = amend_dead(id, job_id, name)
            return
        end
        local requeues, attempts, payload_at, tail = Bodies.parse(raw)
        Waiting.check(queue)
        local job = {id = job_id, raw = raw, requeues = requeues, attempts = attempts,
            payload_at = payload_at, tail = tail}
        reply[at] = change(queue, job, items[first + 3])
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function Amend.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        items, reply = {cmsgpack.unpack(args[2])}, {nil}
        Queues.prefetch_of(items, FIELDS)
        guard_each(1, #items / FIELDS, amend, tell)
        Step.write()
        Wakeups.announce()
        return reply
    end
end

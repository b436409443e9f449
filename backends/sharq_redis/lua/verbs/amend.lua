-- Change jobs by their ids, and dead letters by their numbers or job ids.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each change: queue id, job id or number of a letter, name of the
--       change, a map. With a number the queue id may be '', for any queue.
-- Changes cancel      leased, if it may be leased
--         reschedule  p (priority), at or delay (ms), each where it is given
--         redrive     of a letter, or of the newest one of a job
--         discard     likewise
-- Reply for each change: done, leased, dead, duplicate or unknown; or the reason why its queue is damaged

local Amend = {flags = {'allow-oom'}}

do
    local FIELDS = 4
    local items, reply      -- of this call

    -- Each takes a queue, a job of it with what is known of that, and how. It returns the outcome.
    local changes = {}

    function changes.cancel(queue, job, how)
        local lease = Leases.of(queue, job.id)
        if lease and not how.leased then
            return 'leased'
        end
        Removing.remove(queue, job, lease)
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
        local given = how.at or how.delay and now + how.delay
        at = given or at or now
        if given then
            tail.a = math.max(given, now)
        end
        tail = Delays.put(queue, job.id, number, job.attempts > 0, tail, at)
        local raw = Bodies.with(job.raw, job.requeues, job.attempts, tail, job.payload_at)
        Bodies.replace(queue, job.id, raw)
        Step.changed(queue)
        return 'done'
    end

    -- Changes of letters. Each takes a queue id and a letter, and returns the outcome.
    local of_letters = {redrive = Redriving.redrive, discard = Letters.discard, cancel = Letters.discard}

    function of_letters.reschedule()
        return 'dead'
    end

    -- Change a letter, given by its number, or the newest one of a job.
    local function amend_letter(id, which, change)
        local number = which
        if type(which) == 'number' then
            local found = Letters.queue_of(which)
            if not found or (id ~= '' and id ~= found) then
                return 'unknown'
            end
            id = found
        else
            number = Letters.newest(id, which)
        end
        return number and change(id, Letters.read(id, number)) or 'unknown'
    end

    local function amend(at)
        local first = (at - 1) * FIELDS + 1
        local id, which, name = items[first], items[first + 1], items[first + 2]
        local change, of_letter = changes[name], of_letters[name] or error('there is no change ' .. name)
        local queue = change and Queues.load(id)
        local job = queue and Removing.find(queue, which)
        if job then
            reply[at] = change(queue, job, items[first + 3])
        else
            reply[at] = amend_letter(id, which, of_letter)
        end
        if has_shared then
            Step.write()        -- a row that becomes empty begins anew
        end
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
        Totals.write()
        Wakeups.announce()
        return reply
    end
end

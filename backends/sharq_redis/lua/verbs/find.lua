-- Look at jobs by their ids.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 'payload' or '', 3 packed values, for each job queue id and job id
-- Reply for each job 0 if it is unknown, why its queue is damaged, or a list: its state, attempts, when it is
--       due, when its lease expires, how many stand before it, each -1 where that does not apply, where its
--       payload begins, the job (lib/bodies.lua), with its payload if that was asked for

local Find = {flags = {'no-writes'}}

do
    local FIELDS = 2
    local items, reply, shows_payload   -- of this call

    local function shown(state, attempts, due_at, expires_at, position, raw, payload_at)
        local job = shows_payload and raw or string.sub(raw, 1, payload_at - 1)
        return {state, attempts, due_at or -1, expires_at or -1, position or -1, payload_at, job}
    end

    local function dead(id, job_id)
        local letter = Dead.newest(id, job_id)
        if not letter then
            return 0
        end
        local attempts, requeues, enqueued_at, tail, payload = unpack(letter, 1, 5)
        local raw, payload_at = Bodies.made(enqueued_at, requeues, attempts, tail, payload)
        return shown('dead', attempts, nil, nil, nil, raw, payload_at)
    end

    local function find(at)
        local id, job_id = items[FIELDS * at - 1], items[FIELDS * at]
        local queue = Queues.load(id)
        local raw = queue and Bodies.find(queue, job_id)
        if not raw then
            reply[at] = dead(id, job_id)
            return
        end
        local lease = Leases.of(queue, job_id)
        local _, attempts, payload_at, tail = Bodies.parse(raw)
        if lease then
            reply[at] = shown('leased', lease[ATTEMPT], nil, lease[EXPIRY], nil, raw, payload_at)
            return
        end
        local position, due_at = Delays.position(queue, job_id, attempts, tail)
        if due_at and due_at > now then
            reply[at] = shown('delayed', attempts, due_at, nil, position, raw, payload_at)
        else
            reply[at] = shown('waiting', attempts, nil, nil, position, raw, payload_at)
        end
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function Find.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        shows_payload = args[2] == 'payload'
        items, reply = {cmsgpack.unpack(args[3])}, {nil}
        Queues.prefetch_of(items, FIELDS)
        guard_each(1, #items / FIELDS, find, tell)
        return reply
    end
end

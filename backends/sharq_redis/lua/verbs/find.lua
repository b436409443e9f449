-- Look at jobs by their ids.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 'payload' or '', 3 packed values, for each job queue id and job id
-- Reply for each job a list (lib/showing.lua), 0 if it is unknown, or the reason why its queue is damaged

local Find = {flags = {'no-writes'}}

do
    local FIELDS = 2
    local items, reply, shows_payload   -- of this call

    local function find(at)
        local id, job_id = items[FIELDS * at - 1], items[FIELDS * at]
        local queue = Queues.load(id)
        local raw = queue and Bodies.find(queue, job_id)
        if not raw then
            local number = Letters.newest(id, job_id)
            reply[at] = number and Showing.dead(Letters.read(id, number), shows_payload) or 0
            return
        end
        local lease = Leases.of(queue, job_id)
        if lease then
            reply[at] = Showing.leased(raw, lease, shows_payload)
            return
        end
        local _, attempts, _, tail = Bodies.parse(raw)
        local position, place, due_at = Delays.position(queue, job_id, attempts, tail)
        local shown = Showing.unleased(raw, position, due_at, shows_payload)
        reply[at] = Showing.explain(shown, queue, place, due_at)
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function Find.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        Foresight.begin()
        shows_payload = args[2] == 'payload'
        items, reply = {cmsgpack.unpack(args[3])}, {nil}
        Queues.prefetch_of(items, FIELDS)
        guard_each(1, #items / FIELDS, find, tell)
        return reply
    end
end

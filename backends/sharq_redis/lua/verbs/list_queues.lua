-- Return the views of some queues, given by their ids.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 'waiting' to count only the jobs that wait, or '', 3 packed values, the queue ids
-- Reply for each queue its view (lib/views.lua), 0 if it has neither jobs nor dead letters, or the reason why it is
--       damaged; with 'waiting' how many jobs wait, -1 if it does not exist

local ListQueues = {flags = {'no-writes'}}

do
    local ids, reply        -- of this call

    local function view(at)
        local values = {Views.of_queue(ids[at])}
        reply[at] = values[1] and values or 0
    end

    local function count(at)
        local queue = Queues.load(ids[at])
        reply[at] = queue and Views.waiting(queue) or -1
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function ListQueues.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        ids, reply = {cmsgpack.unpack(args[3])}, {nil}
        Queues.prefetch_page(ids)
        guard_each(1, #ids, args[2] == 'waiting' and count or view, tell)
        return reply
    end
end

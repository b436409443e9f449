-- List the queues that may be dequeued, in the order of the line: some of a page, which is what the calls for it say, put
-- in order.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many at most, 3 and 4 ready since and place number of the last one of the previous page, or
--       '', then where the previous call for this page said to go on; in the first, ''
-- Reply where the next call goes on (lib/overdue.lua), empty if all was seen; 1 if there are more than fit, else 0; then
--       for each place ready since, number, queue id and view (lib/views.lua), or the reason why the queue is damaged, or 0
--       if the place is not its own

local ListOverdue = {flags = {'no-writes'}}

do
    -- Return the view of the queue at a place, 0 if the place is not its own.
    local function view(_, number, id)
        local queue = Queues.load(id)
        if queue and queue[STANDS] and queue[PLACE] == number then
            return {Views.of_queue(id)}
        end
        return 0
    end

    local function list(limit, ...)
        local places, has_more, further = Overdue.places(limit, ...)
        local reply, ids = {further or NOTHING, has_more and 1 or 0}, {}
        for at = 1, #places do
            ids[at] = places[at][3]
        end
        Queues.prefetch_page(ids)
        for at = 1, #places do
            local since, number, id = unpack(places[at])
            local values, reason = guarded(view, since, number, id)
            local count = #reply
            reply[count + 1], reply[count + 2], reply[count + 3], reply[count + 4] = since, number, id, values or reason
        end
        return reply
    end

    function ListOverdue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        return list(tonumber(args[2]), tonumber(args[3]), tonumber(args[4]), args[5], tonumber(args[6]),
            tonumber(args[7]))
    end
end

-- Return the view of a queue or of a type, and minute counts.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id, or '' for the type, 3 'counts' to include the minute counts of a type, or ''
-- Reply the reason why the queue or the type is damaged; or the time and lists: the view (lib/views.lua), the minute
--       counts (lib/counts.lua), the rules (lib/views.lua), and for a type its totals (lib/totals.lua)

local Look = {flags = {'no-writes'}}

do
    local function look(id)
        local view, counts = {Views.of_queue(id)}, {}
        local queue = Queues.load(id) or Left.as_begun(id)
        Counts.append(counts, queue)
        return {now, view, counts, Views.rules(queue)}
    end

    local function look_at_type(with_counts)
        local totals, shown = Totals.read()
        return {now, {Views.of_type(totals)}, with_counts and Counts.of_type() or NOTHING,
            Views.rules_of_type(), shown}
    end

    function Look.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local reply, reason
        if args[2] == '' then
            reply, reason = guarded(look_at_type, args[3] == 'counts')
        else
            reply, reason = guarded(look, args[2])
        end
        return reply or reason
    end
end

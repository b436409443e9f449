-- Tell what there is in one queue.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id
-- Reply the time, how many wait, are leased, are dead letters, are delayed, then for each minute that was counted:
--       its epoch in minutes, enqueues, dequeues; or why the queue is damaged

local Look = {flags = {'no-writes'}}

do
    local function look(id)
        local queue = Queues.load(id) or Left.by(id)
        local dead = call('ZCARD', Scope.key('deaths', id))
        if not queue then
            return {now, 0, 0, dead, 0}
        end
        local due = Times.due(queue)
        local reply = {now, queue[WAITING] + due, queue[LEASED], dead, Times.delayed(queue) - due}
        Counts.append(reply, queue)
        return reply
    end

    function Look.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local reply, reason = guarded(look, args[2])
        return reply or reason
    end
end

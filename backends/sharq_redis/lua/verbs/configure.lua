-- Change intervals.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', then for each change: packed values queue id and interval in ms
-- Reply for each change 1, 0 if there is no such queue, or why it is damaged

local Configure = {flags = {'allow-oom'}}

do
    local function configure(change)
        local id, interval = cmsgpack.unpack(change)
        local queue = Records.load(id)
        if not queue then
            return 0
        end
        Line.look_up(queue)
        Limits.bring(queue, interval)
        Step.changed(queue)
        return 1
    end

    function Configure.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local reply = {}
        for at = 2, #args do
            local outcome, reason = guarded(configure, args[at])
            reply[at - 1] = outcome or reason
        end
        Step.write()
        Wakeups.announce()
        return reply
    end
end

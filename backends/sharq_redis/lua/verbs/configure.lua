-- Change settings of queues that exist.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', then for each change: packed values queue id, name of the setting, its value
-- Settings  interval  in ms
-- Reply for each change 1, 0 if there is no such queue, or why it is damaged
-- An unknown setting fails the whole call, before anything is written.

local Configure = {flags = {'allow-oom'}}

do
    -- Each takes the queue and the value.
    local settings = {}

    function settings.interval(queue, interval)
        Limits.bring(queue, interval)
    end

    local function configure(id, set, value)
        local queue = Queues.load(id)
        if not queue then
            return 0
        end
        Line.look_up(queue)
        set(queue, value)
        Step.changed(queue)
        return 1
    end

    function Configure.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local reply, changes = {}, {}
        for at = 2, #args do
            local id, name, value = cmsgpack.unpack(args[at])
            changes[at - 1] = {id, settings[name] or error('there is no setting ' .. name), value}
        end
        for at, change in ipairs(changes) do
            local outcome, reason = guarded(configure, unpack(change))
            reply[at] = outcome or reason
        end
        Step.write()
        Wakeups.announce()
        return reply
    end
end

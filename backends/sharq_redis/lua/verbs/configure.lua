-- Change settings of queues that exist.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each change queue id, name of the setting, its value
-- Settings  interval  in ms
-- Reply for each change 1, 0 if there is no such queue, or why it is damaged
-- An unknown setting fails the whole call, before anything is written.

local Configure = {flags = {'allow-oom'}}

do
    local FIELDS = 3
    local items, reply      -- of this call

    -- Each takes the queue and the value.
    local settings = {}

    function settings.interval(queue, interval)
        Limits.bring(queue, interval)
    end

    local function configure(at)
        local first = (at - 1) * FIELDS + 1
        local queue = Queues.load(items[first])
        if not queue then
            reply[at] = 0
            return
        end
        Line.look_up(queue)
        settings[items[first + 1]](queue, items[first + 2])
        Step.changed(queue)
        reply[at] = 1
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function Configure.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        items, reply = {cmsgpack.unpack(args[2])}, {nil}
        for at = 2, #items, FIELDS do
            if not settings[items[at]] then
                error('there is no setting ' .. items[at])
            end
        end
        Queues.prefetch_of(items, FIELDS)
        guard_each(1, #items / FIELDS, configure, tell)
        Step.write()
        Wakeups.announce()
        return reply
    end
end

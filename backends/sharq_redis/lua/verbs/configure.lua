-- Change settings of queues, and of the type.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each change queue id, name of the change, its value
-- Changes interval  in ms, of a queue that exists
--         settings  false to only tell them; or a list: the text of the settings that they replace, that of the new
--                   ones (lib/rules.lua), and for how long (ms) the queue is frozen, -1 to leave that as it is
--         type      of no queue (''): likewise; a list: the texts of the settings of the gate and of the defaults that
--                   they replace, those of the new ones, and for how long (ms) the type is frozen, or -1
-- Reply for each change 1, 0 if there is no such queue, 2 if it has limits from settings, or why it is damaged;
--       where settings were only to be told, or are not those to be replaced, a list: the texts of the present ones
-- An unknown change fails the whole call, before anything is written.

local Configure = {flags = {'allow-oom'}}

do
    local FIELDS = 3
    local UNKNOWN, CHANGED, LIMITS_SET = 0, 1, 2
    local items, reply      -- of this call

    -- Each takes a queue id and the value, and returns the reply.
    local changes = {}

    function changes.interval(id, interval)
        local queue = Queues.load(id)
        if not queue then
            return UNKNOWN
        elseif Defaults.rules_with(Terms.own(queue)).limits then
            return LIMITS_SET
        end
        Line.look_up(queue)
        Defaults.reach(queue)
        Terms.bring(queue, interval)
        Step.changed(queue)
        return CHANGED
    end

    -- Replace settings, and freeze a queue, or end its freeze.
    local function set(queue, text, freeze_ms)
        Rules.of(text)      -- raises if they are damaged
        Defaults.reach(queue)
        if text ~= Terms.text(queue) then
            Terms.set(queue, text)
        end
        if freeze_ms >= 0 then
            Terms.freeze(queue, freeze_ms > 0 and now + freeze_ms or nil)
        end
    end

    function changes.settings(id, change)
        local queue = Queues.load(id)
        local known = queue or Left.by(id) or Records.fresh(id, 0)
        local present = Terms.text(known)
        if not change or change[1] ~= present then
            return {present}
        end
        if queue then
            Line.look_up(queue)
            set(queue, change[2], change[3])
            Step.changed(queue)
        else
            Left.change(known, function()
                set(known, change[2], change[3])
            end)
        end
        return CHANGED
    end

    function changes.type(_, change)
        local settings, defaults = Gate.texts()
        if not change or change[1] ~= settings or change[2] ~= defaults then
            return {settings, defaults}
        end
        Gate.change(change[3], change[4], change[5])
        return CHANGED
    end

    local function configure(at)
        local first = (at - 1) * FIELDS + 1
        reply[at] = changes[items[first + 1]](items[first], items[first + 2])
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function Configure.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        items, reply = {cmsgpack.unpack(args[2])}, {nil}
        for at = 2, #items, FIELDS do
            if not changes[items[at]] then
                error('there is no change ' .. items[at])
            end
        end
        Queues.prefetch_of(items, FIELDS)
        guard_each(1, #items / FIELDS, configure, tell)
        Step.write()
        Wakeups.announce()
        return reply
    end
end

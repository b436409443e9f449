-- Change settings of queues, and of the type.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each change queue id, name of the change, its value
-- Changes interval  in ms, of a queue that exists
--         settings  false to only tell them; or a list: the text of the settings that they replace, that of the new
--                   ones (lib/rules.lua), and for how long (ms) the queue is frozen, -1 to leave that as it is
--         type      of no queue (''): likewise; a list: the texts of the settings of the gate and of the defaults that
--                   they replace, those of the new ones, and for how long (ms) the type is frozen, or -1
--         limit     of a shared limit, by its name: likewise, as of a queue; the list may go on with what is left: '' to
--                   forget all counts, or how many, until when, the unit. It creates a missing one.
--         drop      remove a shared limit, by its name
-- Reply for each change 1, 0 if there is no such queue or shared limit, 2 if it has limits from settings, 3 if it names
--       a shared limit that is missing, 4 if the shared limit is in use, or why it is damaged;
--       where settings were only to be told, or are not those to be replaced, a list: the texts of the present ones
-- An unknown change fails the whole call, before anything is written.

local Configure = {flags = {'allow-oom'}}

do
    local FIELDS = 3
    local UNKNOWN, CHANGED, LIMITS_SET, UNKNOWN_LIMIT, IN_USE = 0, 1, 2, 3, 4
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
        elseif not Naming.is_known(Naming.in_settings(change[2])) then
            return UNKNOWN_LIMIT
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
        elseif not Naming.is_known(Naming.in_settings(change[4])) then
            return UNKNOWN_LIMIT
        end
        Naming.replace(Naming.in_settings(defaults), Naming.in_settings(change[4]))
        Gate.change(change[3], change[4], change[5])
        return CHANGED
    end

    function changes.limit(name, change)
        local limit = Shared.find(name)
        local present = limit and limit.text or ''
        if not change or change[1] ~= present then
            return {present}
        end
        Rules.of(change[2])     -- raises if they are damaged
        if limit then
            Benches.first_place(limit)      -- likewise
        else
            Shared.check()
        end
        limit = limit or Shared.create(name, '')
        Shared.is_used(limit)   -- mends the counts of one whose queues were lost
        Shared.change(limit, unpack(change, 2))
        return CHANGED
    end

    function changes.drop(name)
        local limit = Shared.find(name)
        if not limit then
            return UNKNOWN
        elseif Shared.is_used(limit) then
            return IN_USE
        end
        Shared.drop(limit)
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

-- Set places anew that lie further ahead than their queues' rates say: the clock has stepped back. So may the latest
-- delivery of the gate, and that of a shared limit. What `tend` was to do in the type at once, it is to do at once now.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many places or shared limits to look at, 3 to 5 the position of the last one that was
--       looked at (lib/walking.lua), each '' at first; after the places come the shared limits: then 5 is '/' and a name
-- Reply the position of the last one, each '' when all were looked at, the damaged queues and shared limits, each with
--       the reason, '' for the type itself

local Realign = {flags = {'allow-oom'}}

do
    local LIMITS_FROM = '/'     -- no row begins with it

    local function realign(place, row)
        local queue = Line.owner(place, row)
        if queue then
            Line.look_up(queue)
            Step.changed(queue)
        end
        return true
    end

    local function realign_limit(name)
        local limit = Shared.find(name)
        if limit and limit.was_ahead then
            Benches.first_place(limit)      -- raises now if it is damaged
            Shared.unsettle(limit)
        end
        return true
    end

    -- Look at shared limits from a name on. Return the position that was reached, nothing if that is the end.
    local function realign_limits(name, count, broken)
        local names = call('ZRANGE', NAMES, '(' .. name, '+', 'BYLEX', 'LIMIT', 0, count)
        for at = 1, #names do
            local fine, reason = guarded(realign_limit, names[at])
            if not fine then
                note_broken(broken, names[at], reason)
            end
        end
        Step.write()
        if #names == count then
            return '', '', LIMITS_FROM .. names[count]
        end
    end

    -- Look at places, then at shared limits. Return the position that was reached, nothing if that is the end.
    local function go_on(since, place, row, count, broken)
        if string.sub(row, 1, 1) ~= LIMITS_FROM then
            local _
            _, since, place, row = Walking.go_on(since, place, row, count, true, realign, broken)
            if not row and has_shared then
                return '', '', LIMITS_FROM
            end
            return since, place, row
        elseif has_shared then
            return realign_limits(string.sub(row, 2), count, broken)
        end
    end

    function Realign.run(keys, args)
        Scope.begin(keys, args)
        local fine, failure = pcall(Step.begin)
        if not fine then    -- what is set for the type is damaged: other types must not suffer
            return {'', '', '', {'', reason_of(failure)}}
        end
        if has_gate then
            Gate.bring_to_now()
        end
        call('ZADD', DUE, 'LT', integer(now), Scope.type_name())
        local broken = {}
        local since, place, row = go_on(args[3], args[4], args[5], tonumber(args[2]), broken)
        Wakeups.announce()
        return {since or '', place or '', row or '', broken}
    end
end

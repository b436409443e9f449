-- Set places anew that lie further ahead than their queues' rates say: the clock has stepped back. So may the latest
-- delivery of the gate.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many places to look at, 3 and 4 ready since and place of the last one
--       that was looked at, '' at first
-- Reply ready since and place of the last one, '' when all were looked at, the damaged queues, each with
--       the reason, '' for the type itself

local Realign = {flags = {'allow-oom'}}

do
    -- Return the next places, each with its ready since.
    local function places_ahead(since, place, limit)
        local first
        if place == '' then
            first = call('ZCOUNT', LINE, '-inf', integer(now))
        else
            first = Paging.rank_next_to(LINE, since, place)
        end
        return call('ZRANGE', LINE, first, first + limit - 1, 'WITHSCORES')
    end

    local function realign(place)
        local queue = Line.owner(place)
        if queue then
            Line.look_up(queue)
            Step.changed(queue)
        end
        return true
    end

    function Realign.run(keys, args)
        Scope.begin(keys, args)
        local fine, failure = pcall(Step.begin)
        if not fine then    -- what is set for the type is damaged: other types must not suffer
            return {'', '', {'', reason_of(failure)}}
        end
        if has_gate then
            Gate.bring_to_now()
        end
        local limit, broken = tonumber(args[2]), {}
        local places = places_ahead(args[3], args[4], limit)
        for at = 1, #places, 2 do
            local outcome, reason = guarded(realign, places[at])
            if not outcome then
                note_broken(broken, Line.id_in(places[at]), reason)
            end
        end
        Step.write()
        Wakeups.announce()
        if #places < 2 * limit then
            return {'', '', broken}
        end
        return {places[#places], places[#places - 1], broken}
    end
end

-- List the queues that may be dequeued, in the order of the line.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many at most, then where the previous page ended, as its reply said
-- Reply where the page ended: a list of ready since and place number, empty if it was the last page; then for
--       each queue its id and its view (lib/views.lua), or the reason why it is damaged

local ListOverdue = {flags = {'no-writes'}}

do
    -- Return the number in a place, nil if the place is too short: someone has changed the keys by hand.
    local function number_in(place)
        return #place > #Line.member(0, '') and Line.number_in(place) or 0
    end

    -- Return the view of a queue; nil if the place is not its own.
    local function view(place, id)
        local queue = Queues.load(id)
        if queue and queue[STANDS] and queue[PLACE] == number_in(place) then
            return {Views.of_queue(id)}
        end
    end

    -- Return the places whose queues may be dequeued, their queue ids, and where the page ends if there are more.
    local function overdue(limit, since, number)
        local rank = since and Paging.rank_behind(LINE, since, function(place)
            return number_in(place) > number
        end) or 0
        local found, places, ids = Paging.members(LINE, rank, limit + 1), {}, {}
        for at = 1, #found, 2 do
            if tonumber(found[at + 1]) > now then
                break
            elseif #places == limit then
                return places, ids, {tonumber(found[at - 1]), number_in(found[at - 2])}
            end
            places[#places + 1], ids[#ids + 1] = found[at], Line.id_in(found[at])
        end
        return places, ids, NOTHING
    end

    local function list(limit, since, number)
        local places, ids, where = overdue(limit, since, number)
        local reply = {where}
        Queues.prefetch_page(ids)
        for at = 1, #places do
            local values, reason = guarded(view, places[at], ids[at])
            if values or reason then
                reply[#reply + 1], reply[#reply + 2] = ids[at], values or reason
            end
        end
        return reply
    end

    function ListOverdue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        return list(tonumber(args[2]), tonumber(args[3]), tonumber(args[4]))
    end
end

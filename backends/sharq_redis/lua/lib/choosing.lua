-- Choosing: which queue goes next among some that a take names.

local Choosing = {}

do
    local names                     -- of this take
    local places, sinces, numbers   -- of this take, by the id of a queue; nil if it stands in no line

    -- Return the place of a queue, since when it is ready, and its number; nil if it stands in no line.
    local function look(id)
        local queue = Queues.load(id)
        if queue and queue[STANDS] then
            return Line.member(queue[PLACE], id), Line.since(queue) or math.huge, queue[PLACE]
        end
    end

    -- Look up where a queue stands, which may have changed.
    function Choosing.look_again(id)
        places[id], sinces[id], numbers[id] = look(id)
    end

    -- Begin to choose among the queues of a list whose records can be read.
    function Choosing.begin(list)
        names, places, sinces, numbers = list, {}, {}, {}
        for _, id in ipairs(list) do
            Choosing.look_again(id)
        end
    end

    -- Return those of a list of queues whose records can be read; add the others, each with the reason, to
    -- `broken`.
    function Choosing.readable(list, broken)
        local found = {}
        for _, id in ipairs(list) do
            local fine, reason = pcall(Queues.load, id)
            if fine then
                found[#found + 1] = id
            else
                note_broken(broken, id, reason_of(reason))
            end
        end
        return found
    end

    -- Return the row in which a queue stands, nil if that is the line.
    function Choosing.row_of(id)
        return Queues.load(id)[STOOD_IN]
    end

    -- Return whether a shared limit of a queue is closed.
    local function is_closed(id)
        local row = Choosing.row_of(id)
        return row and Using.closed(row)
    end

    -- Return the place of a queue if it is ready, and its id.
    function Choosing.ready_place(id)
        local place, since = look(id)
        if place and since <= now and not is_closed(id) then
            return place, id
        end
    end

    -- Return the first ready place among those of the queues, and whose it is.
    function Choosing.first_ready()
        local first
        for at = 1, #names do
            local id = names[at]
            if places[id] and sinces[id] <= now and (not first or sinces[id] < sinces[first]
                or (sinces[id] == sinces[first] and numbers[id] < numbers[first])) and not is_closed(id) then
                first = id
            end
        end
        return first and places[first], first
    end

    -- Return the instant from which on one of the queues of a list can give a job, as far as can be foreseen.
    function Choosing.foreseen(list)
        local first = math.huge
        for _, id in ipairs(list) do
            local _, since = look(id)
            local queue = Queues.load(id)
            if queue and not Terms.is_paused(queue) then
                local ready = math.min(since or math.huge, tonumber(call('ZSCORE', EXPIRING, id) or math.huge))
                first = math.min(first, queue[USES] and Using.foreseen(queue[USES], ready) or ready)
            end
        end
        return first
    end
end

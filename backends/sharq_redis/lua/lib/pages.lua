-- Pages: the ready places of the line that a dequeue goes through, some at a time.
--
-- The entry of a shared limit stands elsewhere once it was served, or another step has changed it: perhaps in the same
-- page. It comes again there if that is before the page's end, where the line was not read any further, and before all
-- new places that the page gave in the line: else it is met when the line is read again.

local Pages = {}

do
    local places, sinces, at, last = {}, {}, 0, 0   -- and since when they are ready, if there may be entries
    local ids = {}              -- of the queues at these places, if there are no entries
    local end_since, end_number -- where the page ends
    local first_new             -- number of the first new place in line that it gave, nil if none

    local function begin(count, ends_since, ends_number)
        at, last, first_new, end_since, end_number = 0, count, nil, ends_since, ends_number
    end

    -- Take a place that was chosen by itself as a page.
    function Pages.take(place, since)
        places, sinces, ids[1] = {place}, {since}, Line.id_in(place)
        begin(1, 0, 0)
    end

    -- Return the first ready place of the line, and since when it is ready; nil if there is none.
    function Pages.first_in_line()
        local found = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
        return found[1], tonumber(found[2])
    end

    -- Read in one go the shared limits of which entries stand in the page, and list the ids of the queues that it may serve.
    -- Return how many these are. What is damaged ends this early, and is met again.
    local function list_with_entries()
        local names, count = {}, 0
        for n = 1, last do
            if Shared.is_entry(places[n]) then
                names[#names + 1] = Shared.name_in(places[n])
            else
                count = count + 1
                ids[count] = Line.id_in(places[n])
            end
        end
        if #names > 1 and pcall(Shared.prefetch, names) then
            for n = 1, #names do
                local fine, id = pcall(Entries.first_id, names[n])
                if fine and id then
                    count = count + 1
                    ids[count] = id
                end
            end
        end
        return count
    end

    local function read_with_entries(width)
        local found = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', integer(width), 'WITHSCORES')
        local count = #found / 2
        places, sinces = {}, {}
        for n = 1, count do
            places[n], sinces[n] = found[2 * n - 1], tonumber(found[2 * n])
        end
        if count < width then
            begin(count, NO_END, 0)
        else
            begin(count, sinces[count], Line.number_in(places[count]))
        end
        return list_with_entries()
    end

    local function read(width)
        places = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', integer(width))
        begin(#places, NO_END, 0)
        for n = 1, last do
            ids[n] = Line.id_in(places[n])
        end
        return last
    end

    -- Read up to `width` ready places of the line, and the records of the queues that they may serve. Return whether there
    -- are any.
    function Pages.read(width)
        local count = (has_shared and read_with_entries or read)(width)
        if count > 1 then
            Queues.prefetch(ids, count, true)
        end
        return last > 0
    end

    -- Go to the next place. Return it, nil at the end; the id of its queue, if there are no entries; and how many are left,
    -- this one among them.
    function Pages.next()
        at = at + 1
        return places[at], ids[at], last - at + 1
    end

    -- Let the place come again that goes now.
    function Pages.go_back()
        at = at - 1
    end

    -- Return since when the place is ready that goes now.
    function Pages.since()
        return sinces[at]
    end

    -- Note the place in line that a queue was given.
    function Pages.note_new(queue)
        first_new = first_new or queue[SINCE] and queue[PLACE]
    end

    -- Let the entry of a shared limit stand where it is now, if that is in the page.
    function Pages.let_stand(limit)
        local since, number = limit.entry_at, limit.entry
        if since > now or since > end_since or (since == end_since and number > end_number)
            or (since == now and first_new and number > first_new) then
            return
        end
        local to = last
        while to > at and (sinces[to] > since or (sinces[to] == since and Line.number_in(places[to]) > number)) do
            to = to - 1
        end
        table.insert(places, to + 1, Shared.entry_of(limit))
        table.insert(sinces, to + 1, since)
        last = last + 1
    end
end

-- Pages: the ready places of the line that a dequeue goes through, some at a time.
--
-- The entry of a shared limit stands elsewhere once it was served, or another step has changed it: perhaps in the same
-- page. It comes again there if that is before the page's end, where the line was not read any further, and before all
-- new places that the page gave in the line: else it is met when the line is read again.

do
    local places, sinces, at, last = {}, {}, 0, 0   -- and since when they are ready, if there may be entries
    local ids = {}              -- of the queues at these places, if there are no entries
    local end_since, end_number -- where the page ends
    local is_cut                -- whether that is to be found out
    local first_new             -- number of the first new place in line that it gave, nil if none

    local function begin(count, ends_since, ends_number)
        at, last, first_new, end_since, end_number = 0, count, nil, ends_since, ends_number
    end

    -- Take a place that was chosen by itself as a page.
    function Pages.take(place, since)
        places, sinces, ids[1], is_cut = {place}, {since}, Line.id_in(place), false
        begin(1, 0, 0)
    end

    -- Return the first ready place of the line, and since when it is ready; nil if there is none.
    function Pages.first_in_line()
        local found = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', '1', 'WITHSCORES')
        return found[1], tonumber(found[2])
    end

    local listed                -- how many ids are listed

    -- Read in one go the shared limits with these names, and list the ids of the queues that come first there.
    local function list_firsts(names)
        Shared.prefetch(names)
        for n = 1, #names do
            local place = Entries.first_place(names[n])
            if place then
                listed = listed + 1
                ids[listed] = Line.id_in(place)
            end
        end
    end

    -- List the ids of the queues that the page may serve. Return how many these are. What is damaged ends this early, and
    -- is met again.
    local function list_with_entries()
        local names, count = {}, 0
        listed = 0
        for n = 1, last do
            local place = places[n]
            if Shared.is_entry(place) then
                count = count + 1
                names[count] = Shared.name_in(place)
            else
                listed = listed + 1
                ids[listed] = Line.id_in(place)
            end
        end
        if count > 1 then
            pcall(list_firsts, names)
        end
        return listed
    end

    -- Return since when a place of the page is ready.
    local function since_of(n)
        local since = sinces[n]
        if not since then
            since = tonumber(call('ZSCORE', LINE, places[n]) or nil) or 0
            sinces[n] = since
        end
        return since
    end

    -- The instants are not read along: to write one takes Redis as long as to read four places, and few are asked for.
    local function read_with_entries(width)
        places = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', integer(width))
        begin(#places, NO_END, 0)
        sinces, is_cut = {}, last == width
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

    -- Return whether no place is left.
    function Pages.is_over()
        return at >= last
    end

    -- Let the place come again that goes now.
    function Pages.go_back()
        at = at - 1
    end

    -- Return since when the place is ready that goes now.
    function Pages.since()
        return since_of(at)
    end

    -- Note the place in line that a queue was given.
    function Pages.note_new(queue)
        first_new = first_new or queue[SINCE] and queue[PLACE]
    end

    -- Find out where the page ends, if the line goes on there.
    local function find_end()
        if is_cut then
            end_since, end_number, is_cut = since_of(last), Line.number_in(places[last]), false
            if end_since > now then
                end_since = 0       -- it was put off
            end
        end
    end

    -- Let the entry of a shared limit stand where it is now, if that is in the page.
    function Pages.let_stand(limit)
        local since, number = limit.entry_at, limit.entry
        if since > now then
            return
        end
        find_end()
        if since > end_since or (since == end_since and number > end_number)
            or (since == now and first_new and number > first_new) then
            return
        end
        local to = last
        while to > at and (since_of(to) > since or (since_of(to) == since and Line.number_in(places[to]) > number)) do
            to = to - 1
        end
        for n = last, to + 1, -1 do
            places[n + 1], sinces[n + 1] = places[n], sinces[n]
        end
        places[to + 1], sinces[to + 1], last = Shared.entry_of(limit), since, last + 1
    end
end

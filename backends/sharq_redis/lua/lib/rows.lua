-- Rows: the places of queues that use the same shared limits.
--
-- A row is named by those: a text, their names joined by '/'. Its zset is as the line's. A row of one name stands on the
-- bench of that shared limit, one of two names on that of either (lib/benches.lua). All rows that are not empty are
-- members of the zset `rows`, which is in order.
--
-- A call reads the first places of a row, and more when these are gone. What it changes is noted: the stored places that
-- are gone, as `one_gone` and, if there are several, as `gone`; and the queue with the first of the new places, as
-- `first_new` (false: none, nil: to be found), and if there are several all these queues as `new`. So it knows the first
-- place at any time, and writes all of a row at the end of a step (lib/row_writes.lua).

do
    local MAX_WINDOW = 100      -- places of a row that are read at once
    local loaded                -- name -> row of this call
    local changed               -- rows whose places this item has changed
    local is_checked            -- whether the zset of all rows is one

    function Rows.begin()
        loaded, changed, is_checked = {}, {n = 0}, false
        RowWrites.begin()
    end

    -- Return the name of a row as it stands in the zset of all rows, which is in the order of their names: a blank sorts
    -- before all that a name can hold.
    local function indexed(name)
        return (string.gsub(name, '/', ' '))
    end

    -- Return the names of up to `count` rows behind a name, in order.
    function Rows.names_behind(name, max_count)
        local names = call('ZRANGE', ROWS, '(' .. indexed(name), '+', 'BYLEX', 'LIMIT', 0, max_count)
        for at = 1, #names do
            names[at] = string.gsub(names[at], ' ', '/')
        end
        return names
    end

    -- Read the first stored places of a row.
    local function read(row)
        local window = call('ZRANGE', row.key, '0', '1', 'WITHSCORES')
        row.window, row.at, row.read, row.width, row.is_whole = window, 1, 2, 4, #window < 4
        return window
    end

    -- Read the stored places that follow.
    local function read_more(row)
        local width, window = row.width, row.window
        local found = call('ZRANGE', row.key, row.read, row.read + width - 1, 'WITHSCORES')
        for at = 1, #found do
            window[#window + 1] = found[at]
        end
        row.is_whole = #found < 2 * width
        row.read, row.width = row.read + width, math.min(2 * width, MAX_WINDOW)
        return true
    end

    -- Go to the first stored place that is not gone.
    local function pass_gone(row)
        local window, at, one_gone, gone = row.window, row.at, row.one_gone, row.gone
        local place = window[at]
        while place and (place == one_gone or (gone and gone[place]))
            or (not place and not row.is_whole and read_more(row)) do
            at = place and at + 2 or at
            place = window[at]
        end
        row.at = at
    end

    local function is_before(queue, other)
        local since, others = queue[SINCE], other[SINCE]
        return since < others or (since == others and queue[PLACE] < other[PLACE])
    end

    -- Find out which queue has the first of the new places, false if there are none.
    local function find_first_new(row)
        local first = false
        for _, queue in next, row.new do
            first = first and is_before(first, queue) and first or queue
        end
        row.first_new = first
        return first
    end

    -- Find out which place is the first of a row.
    local function find_first(row)
        local window = row.window or read(row)
        if row.one_gone then
            pass_gone(row)
        end
        local at = row.at
        local place, since = window[at], tonumber(window[at + 1])
        local number, queue = place and struct.unpack('>I6', place), row.first_new
        if queue == nil then
            queue = find_first_new(row)
        end
        if queue and (not place or queue[SINCE] < since or (queue[SINCE] == since and queue[PLACE] < number)) then
            number, since = queue[PLACE], queue[SINCE]
            place = Line.member(number, queue[ID])
        end
        row.first, row.since, row.number = place, since, number
    end

    local function limits_named(name)
        if not string.find(name, '/', 1, true) then
            return {Shared.get(name)}
        end
        local limits = {}
        for part in string.gmatch(name, '[^/]+') do
            limits[#limits + 1] = Shared.get(part)
        end
        return limits
    end

    -- Return the row with this name. Raise if it or one of its shared limits is damaged.
    function Rows.named(name)
        local row = has_shared and loaded[name]
        if not row then
            row = {name = name, key = Scope.key('row', name), limits = limits_named(name), one_gone = false, gone = false,
                new = false, first_new = false, first = false, since = false, number = false, window = false, at = 1,
                read = 0, width = 2, is_whole = false, bench = false, is_changed = false, is_listed = false, left = false,
                taken = false, taken_at = false}
            find_first(row)
            Benches.find(row)
            if not row.limits[2] then
                row.bench.row = row
            end
            if not is_checked and #row.window < 4 then      -- it may become empty, or is
                call('ZCARD', ROWS)     -- raises now if it is damaged
                is_checked = true
            end
            loaded[name] = row
        end
        return row
    end

    -- Return the row of a shared limit that has no other name, nil if it is empty.
    function Rows.alone(limit)
        return limit.row or (limit.alone > 0 and Rows.named(limit.name)) or nil
    end

    -- Raise if a queue could not stand in a row of these names, which may not be there yet.
    function Rows.check(name)
        if name ~= '' then
            Scope.share()
            call('ZCARD', ROWS)
            call('ZCARD', Scope.key('row', name))
            Benches.check(name)
        end
    end

    -- Note that the places of a row have changed.
    local function note(row)
        if not row.is_changed then
            local n = changed.n + 1
            row.is_changed, changed[n], changed.n = true, row, n
        end
    end

    -- Note that a stored place of a row is gone.
    local function note_gone(row, place)
        if row.one_gone and row.one_gone ~= place then
            row.gone = row.gone or {}
            row.gone[place] = true
        else
            row.one_gone = place
        end
    end

    -- Note that a queue has a new place in a row. A row that has one only needs no list of them.
    local function note_new(row, queue)
        local first, new = row.first_new, row.new
        if first == false then
            row.first_new = queue
        else
            if not new then
                new = {[first[ID]] = first}
                row.new = new
            end
            if first and is_before(queue, first) then
                row.first_new = queue
            end
        end
        if new then
            new[queue[ID]] = queue
        end
    end

    -- Take a new place of a queue out of a row.
    local function take_back(row, queue)
        local new = row.new
        if new then
            new[queue[ID]] = nil
            if row.first_new == queue then
                row.first_new = nil     -- to be found
            end
        else
            row.first_new = false
        end
        note(row)
    end

    -- Note the place that a queue has now, or has no more, in a row.
    function Rows.follow(queue)
        local from, to, was_new_in = queue[STOOD_IN], queue[ROW], queue[NEW_IN]
        local is_new = queue[STANDS] and queue[SINCE]
        if was_new_in and (to ~= was_new_in or not is_new or was_new_in.first_new == queue) then
            take_back(was_new_in, queue)
        end
        if from and (is_new or to ~= from or not queue[STANDS]) then
            note_gone(from, Line.member(queue[STOOD_AT], queue[ID]))
            note(from)
        end
        if is_new and to then
            note_new(to, queue)
            note(to)
        end
        queue[NEW_IN] = is_new and to or nil
    end

    -- Note how many more queues have a place in a row.
    function Rows.count_queues(row, more)
        for at = 1, #row.limits do
            local limit = row.limits[at]
            limit.queues = math.max(0, limit.queues + more)
            if #row.limits == 1 then
                limit.alone = math.max(0, limit.alone + more)
            end
            Shared.counted(limit)
        end
    end

    -- Take a place that is nobody's out of a row.
    function Rows.drop(row, place)
        Rows.count_queues(row, -call('ZREM', row.key, place))
        row.window = false
        note(row)
    end

    -- Let a place of a row be ready at another instant.
    function Rows.put_off(row, place, since)
        call('ZADD', row.key, since < NO_END and integer(since) or '+inf', place)
        row.window = false
        note(row)
    end

    -- Find out the first places of the rows whose places were changed since this was called last, and put these rows
    -- where they are to stand.
    function Rows.settle()
        for at = 1, changed.n do
            local row = changed[at]
            local first, since = row.first, row.since
            row.is_changed = false
            find_first(row)
            if first ~= row.first or since ~= row.since then
                Benches.settle(row, first)
                if not first then
                    call('ZADD', ROWS, 0, indexed(row.name))
                elseif not row.first then
                    try('ZREM', ROWS, indexed(row.name))    -- a row that had several places was not checked
                    row.bench = row.limits[1]       -- there it begins again
                end
            end
        end
        changed.n = 0
    end

    -- Note that a queue of a row got a place that callers should hear of.
    function Rows.note_given(row, since)
        row.given = math.min(row.given or NO_END, since)
    end

    -- Return the first instant at which a place may be ready that this call gave in a row, NO_END if none may.
    function Rows.first_given()
        local first = NO_END
        for _, row in next, loaded do
            first = row.given and math.min(first, Using.lets_through(row, row.given)) or first
        end
        return first
    end
end

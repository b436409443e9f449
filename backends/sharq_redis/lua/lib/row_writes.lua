-- Row writes: the places of rows that are to be written at the end of a step (lib/rows.lua).
--
-- Mostly one queue of a row has another place: then `left` is the place that goes, and `taken` the one that comes, with its
-- score as `taken_at`. Else both are lists, so that a row takes two commands at most.

do
    local unwritten         -- rows with places that are to be written

    function RowWrites.begin()
        unwritten = {n = 0}
    end

    -- Have the places of a row written.
    local function list(row)
        if not row.is_listed then
            local n = unwritten.n + 1
            row.is_listed, unwritten[n], unwritten.n = true, row, n
        end
    end

    -- Have a place removed from a row. Mostly one is at most.
    local function leave(row, place)
        local left = row.left
        if not left then
            row.left = place
        elseif type(left) == 'string' then
            row.left = {left, place, n = 2}
        else
            Writes.add(left, place)
        end
    end

    -- Have a place added to a row. Mostly one is at most.
    local function take(row, place, score)
        local taken = row.taken
        if not taken then
            row.taken, row.taken_at = place, score
        elseif type(taken) == 'string' then
            row.taken = {row.taken_at, taken, score, place, n = 4}
        else
            Writes.add(taken, score, place)
        end
    end

    local function score_of(since)
        return since < NO_END and integer(since) or '+inf'
    end

    -- Have the place of a queue written that stands in a row, or did: it may come from the line, or go there.
    function RowWrites.list_place(queue)
        local from, to, stood_at, place = queue[STOOD_IN], queue[ROW], queue[STOOD_AT], queue[STANDS] and queue[PLACE]
        if from then
            list(from)
        end
        if to and to ~= from then
            list(to)
        end
        if from and (stood_at ~= place or from ~= to) then
            leave(from, not from.gone and from.one_gone or Line.member(stood_at, queue[ID]))
        elseif stood_at and from ~= to then
            call('ZREM', LINE, Line.member(stood_at, queue[ID]))
        end
        if to and queue[SINCE] then
            take(to, Line.member(place, queue[ID]), score_of(queue[SINCE]))
        elseif queue[SINCE] then
            call('ZADD', LINE, score_of(queue[SINCE]), Line.member(place, queue[ID]))
        end
        queue[SINCE], queue[STOOD_AT], queue[STOOD_IN], queue[NEW_IN] = false, place, to, nil
    end

    -- Write the places that were listed.
    function RowWrites.write()
        for at = 1, unwritten.n do
            local row = unwritten[at]
            local left, taken, removed, added = row.left, row.taken, 0, 0
            if left then
                removed = type(left) == 'string' and call('ZREM', row.key, left) or Writes.send(left, 'ZREM', row.key)
            end
            if taken then
                added = type(taken) == 'string' and call('ZADD', row.key, row.taken_at, taken)
                    or Writes.send(taken, 'ZADD', row.key)
            end
            if added ~= removed then
                Rows.count_queues(row, added - removed)
            end
            row.is_listed, row.one_gone, row.gone, row.new, row.first_new = false, false, false, false, false
            row.window, row.left, row.taken = false, false, false
        end
        unwritten.n = 0
    end
end

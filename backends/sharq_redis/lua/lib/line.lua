-- The line of a type: which queue goes next. One function, `take_place`, gives every place.
--
-- A place is (ready since, number): the score of a member that is the number, as 6 bytes that sort,
-- and the queue id. R is the instant at which the queue's holds end. The first row that applies:
--   it was served and its turn is over, or it had no place     (the later of now and R, a new number)
--   R lies in the future                                       (R, its number kept)
--   its place lay in the future                                (now, a new number)
--   else                                                       unchanged
-- A turn begins with each place. It is over after as many deliveries as the queue's weight, or when R lies in the
-- future after one. A queue where nothing waits or is delayed has no place. Places are written at the end of a step.

local MAX_NAMED = 20        -- a wake-up names up to so many queues; if there are more, none (lib/wakeups.lua)

do
    local first_since       -- of the places given that callers should hear of
    local given, given_count = {}, 0    -- the first queues that got places; how many queues got one
    local latest, reserved  -- numbers: the latest given, the last that may be given
    local left, taken = {n = 0}, {n = 0}    -- places to be written
    local MEMBER = '>I6c0'      -- a number that sorts, and a queue id

    function Line.begin()
        first_since, latest, reserved, given_count = math.huge, 0, 0, 0
    end

    -- Reserve `count` numbers; return the one before the first.
    function Line.reserve(count)
        return call('INCRBY', NUMBER, integer(count)) - count
    end

    local function next_number(ahead)
        if latest == reserved then
            latest = Line.reserve(ahead or 1)
            reserved = latest + (ahead or 1)
        end
        latest = latest + 1
        return latest
    end

    function Line.member(number, id)
        return struct.pack(MEMBER, number, id)
    end

    function Line.number_in(member)
        return (struct.unpack('>I6', member))
    end

    -- Return the id of the queue, or of the job where it is a member of `leases`.
    function Line.id_in(member)
        return string.sub(member, 7)
    end

    -- Return the queue that stands at a place of the line, or of a row. A place that is nobody's is taken out.
    function Line.owner(place, row)
        local queue = Queues.load(Line.id_in(place))
        if queue and (queue[WAITING] > 0 or queue[DUE_AT]) and queue[PLACE] == Line.number_in(place)
            and queue[STOOD_IN] == row then
            return queue
        elseif row then
            Rows.drop(row, place)
        else
            call('ZREM', LINE, place)
        end
    end

    -- Return the key of the zset in which a queue stands: the line, or its row.
    function Line.key(queue)
        local row = queue[STOOD_IN]
        return row and row.key or LINE
    end

    -- Return since when the place is ready that is stored of a queue, nil if there is none.
    function Line.since(queue)
        return tonumber(call('ZSCORE', Line.key(queue), Line.member(queue[STOOD_AT], queue[ID])) or nil)
    end

    -- Read where a queue stands, for what its record cannot tell: the clock may have stepped back.
    function Line.look_up(queue)
        if queue[STANDS] and not queue[SINCE] then
            queue[READY_BEFORE] = math.max(queue[READY_BEFORE], Line.since(queue) or 0)
        end
    end

    -- Let a queue stand in the row whose shared limits it uses, or in the line. In another one it has its place as
    -- before.
    local function enter_row(queue, ready)
        local row = queue[STANDS] and queue[USES] or nil
        if row ~= queue[ROW] and queue[STANDS] and not queue[SINCE] then
            queue[SINCE] = Line.since(queue) or math.max(now, ready)
        end
        queue[ROW] = row
    end

    -- Give a queue its place. `served`: it was just dequeued. `number` is for a new place, if it needs
    -- one; without it one is drawn, `ahead` at a time.
    function Line.take_place(queue, served, number, ahead)
        local ready, before, rules = Terms.ready_at(queue), queue[READY_BEFORE], queue[RULES]
        local is_new = true
        queue[READY_BEFORE] = ready
        if queue[WAITING] == 0 and not queue[DUE_AT] then
            queue[STANDS], queue[SINCE] = false, false
        elseif rules and rules.weight and served and ready <= now and Terms.goes_on(queue) then
            return
        elseif served or not queue[STANDS] then
            queue[STANDS], queue[SINCE] = true, math.max(now, ready)
            queue[PLACE] = number or next_number(ahead)
        elseif ready > now then
            is_new = ready ~= before
            if is_new then
                queue[SINCE] = ready
            end
        elseif before > now then
            queue[SINCE], queue[PLACE] = now, number or next_number(ahead)
        else
            is_new = false
        end
        if rules and is_new and queue[SINCE] and queue[FEATURES].n then
            Terms.begin_turn(queue)
        end
        if has_shared and (queue[USES] or queue[ROW]) then
            enter_row(queue, ready)
            Rows.follow(queue)
        end
        local since = queue[SINCE]
        if since and not served and since < NO_END then
            given_count = given_count + 1
            if given_count <= MAX_NAMED then
                given[given_count] = queue[ID]
            end
            if has_shared and queue[ROW] then
                Rows.note_given(queue[ROW], since)
            elseif since < first_since then
                first_since = since
            end
        end
    end

    -- Write the places that the first `count` of a list of queues were given, or gave up.
    function Line.write(changed, count)
        local left_values, taken_values = 0, 0
        for at = 1, count do
            local queue = changed[at]
            if has_shared and (queue[ROW] or queue[STOOD_IN]) then
                RowWrites.list_place(queue)
            end
            local stood_at, place = queue[STOOD_AT], queue[STANDS] and queue[PLACE]
            if stood_at and stood_at ~= place then
                left_values = left_values + 1
                left[left_values] = struct.pack(MEMBER, stood_at, queue[ID])
            end
            if queue[SINCE] then
                local since = queue[SINCE]
                taken[taken_values + 1] = since < NO_END and integer(since) or '+inf'
                taken[taken_values + 2] = struct.pack(MEMBER, place, queue[ID])
                queue[SINCE], taken_values = false, taken_values + 2
            end
            queue[STOOD_AT] = place
        end
        left.n, taken.n = left_values, taken_values
        Writes.send(left, 'ZREM', LINE)
        Writes.send(taken, 'ZADD', LINE)
    end

    -- Return the earliest instant at which a place that this call gave may be ready, the queues that got places
    -- (the first MAX_NAMED of them), and how many queues got one. Return nil if no place was given.
    function Line.first_given()
        local first = has_shared and math.min(first_since, Rows.first_given()) or first_since
        if first < math.huge then
            return first, given, given_count
        end
    end
end

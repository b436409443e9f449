-- Benches: the rows that a shared limit lets go.
--
-- A row of one name stands on the bench of that shared limit for good, and is not listed there. A row of two names begins
-- on the bench of the first of them, and may be moved to the other one's. It is a member of the bench's zset: the number
-- of its first place, as 6 bytes that sort, and its name -> the ready since of that place. So which bench it stands on
-- follows from where its member is. A shared limit counts the `benched` rows, so that most benches need not be read.

do
    local function key_of(limit)
        return Scope.key('bench', limit.name)
    end

    local function member_of(first, name)
        return string.sub(first, 1, 6) .. name
    end

    -- Return the first row of two names on a bench: a list of its member and the ready since of its first place, which is
    -- empty if there is none. Raise if the bench is damaged.
    local function first_listed(limit)
        local first = limit.first_listed
        if not first then
            first = call('ZRANGE', key_of(limit), '0', '0', 'WITHSCORES')
            limit.first_listed = first
        end
        return first
    end

    -- Find out on which bench a row stands that was just read. Raise if one of its benches is damaged.
    function Benches.find(row)
        local limits = row.limits
        row.bench = limits[1]
        for at = 1, #limits do
            local limit = limits[at]
            if limit.benched > 0 then
                first_listed(limit)
            end
            if at > 1 or limits[2] then
                Rows.alone(limit)
                if call('ZSCORE', key_of(limit), row.first and member_of(row.first, row.name) or '') then
                    row.bench = limit
                end
            end
        end
    end

    -- Raise if a row of these names could not stand on a bench.
    function Benches.check(name)
        for part in string.gmatch(name, '[^/]+') do
            call('ZCARD', Scope.key('bench', part))
        end
    end

    local function count(limit, more)
        local benched = limit.benched + more
        if benched <= 0 then        -- a hand in the keys may have added one
            benched = call('ZCARD', key_of(limit))
        end
        limit.benched, limit.first_listed = benched, false
        Shared.counted(limit)
    end

    local function take_out(limit, member)
        count(limit, -call('ZREM', key_of(limit), member))
    end

    local function put_on(limit, row)
        local since = row.since < NO_END and integer(row.since) or '+inf'
        count(limit, call('ZADD', key_of(limit), since, member_of(row.first, row.name)))
    end

    -- List a row under its first place, which was another one, or nil.
    function Benches.settle(row, first_before)
        local bench = row.bench
        Shared.unsettle(bench)
        if #row.limits > 1 then
            if row.first then
                put_on(bench, row)
            end
            if first_before and first_before ~= row.first then
                take_out(bench, member_of(first_before, row.name))
            end
        end
    end

    -- Move a row to the bench of another of its shared limits.
    function Benches.move(row, limit)
        Shared.unsettle(row.bench)
        Shared.unsettle(limit)
        put_on(limit, row)
        take_out(row.bench, member_of(row.first, row.name))
        row.bench = limit
    end

    -- Return since when the first queue on the bench of a shared limit is ready, its number, and the name of its row; nil if
    -- the bench is empty.
    function Benches.first_place(limit)
        local alone, since, number = limit.row or Rows.alone(limit)
        if alone then
            since, number = alone.since, alone.number
        end
        if limit.benched > 0 then
            local listed = first_listed(limit)
            local others = tonumber(listed[2])
            if others and (not since or others < since or (others == since and Line.number_in(listed[1]) < number)) then
                return others, Line.number_in(listed[1]), Line.id_in(listed[1])
            end
        end
        return since, number, since and limit.name
    end

    -- Return the first row on the bench of a shared limit. If a hand in the keys made the bench wrong, mend it, and return
    -- nil.
    function Benches.first_row(limit)
        local alone = limit.row
        if limit.benched == 0 and alone and alone.first then
            return alone
        end
        local since, number, name = Benches.first_place(limit)
        local row = since and Rows.named(name)
        if row and row.bench == limit and row.since == since and row.number == number then
            return row
        elseif since then
            take_out(limit, Line.member(number, name))
        end
        Shared.unsettle(limit)
    end
end

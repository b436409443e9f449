-- Readiness: how many queues of a type may be dequeued, and since when the first of them.
--
-- Those that stand in rows are counted row by row. A call bounds its work, and says where the next one goes on, as those
-- that list them (lib/overdue.lua).

local Readiness = {}

do
    -- Return how many queues stand ready in a row, and how many entries in the line it accounts for: that of the bench on
    -- which it is the first row, if the entry is ready.
    local function look_at(name, found)
        local row = Rows.named(name)
        local limit = row.bench
        local _, _, first = Benches.first_place(limit)
        if first == name and Shared.is_due(limit) then
            found.ready = found.ready - 1
        end
        if row.since and row.since <= now and not Using.closed(row) then
            found.ready = found.ready + call('ZCOUNT', row.key, '-inf', integer(now))
            found.since = math.min(found.since, row.since)
        end
        return true
    end

    -- Count the ready queues of the rows behind a name. Return how many they are, less the ready entries of shared limits;
    -- since when the first is ready, NO_END if none is; and where to go on. Rows that are damaged are left out.
    local function of_rows(behind)
        local found = {ready = 0, since = NO_END}
        local names = Rows.names_behind(behind, MAX_PASSED)
        for at = 1, #names do
            guarded(look_at, names[at], found)
        end
        return found.ready, found.since, #names == MAX_PASSED and {names[#names]} or nil
    end

    -- Return what `of_rows` does, with the first ready queue of the line if `row` is ''. `row` and the place are where an
    -- earlier call said to go on.
    function Readiness.from(row, since, number)
        if not has_shared then
            return 0, first_instant(LINE) or NO_END
        end
        local first = NO_END
        if row == '' then
            local places, further = Overdue.in_line(1, since, number)
            if further then
                return 0, NO_END, further
            end
            first = places[1] and places[1][1] or NO_END
        end
        local ready, in_rows, further = of_rows(row)
        return ready, math.min(first, in_rows), further
    end

    -- Return how many places of the line are ready, entries of shared limits among them.
    function Readiness.in_line()
        return call('ZCOUNT', LINE, '-inf', integer(now))
    end
end

-- Entries: what a dequeue does when it meets the entry of a shared limit in the line.

local Entries, Pages = {}, {}
local MAX_MOVES = 64        -- moves of rows and of entries in a call

do
    local moves             -- how many more there may be in this call

    function Entries.begin()
        moves = MAX_MOVES
    end

    -- Return whether the entry of a shared limit no longer stands where a page has it: the call has moved it since.
    function Entries.is_passed(limit, entry)
        return limit.is_set and (limit.entry ~= Line.number_in(entry) or limit.entry_at ~= Pages.since())
    end

    -- Look at the entry of a shared limit, false if there is none. If the first queue of the first row on its bench may go,
    -- return that row. Else set the entry anew, or move the row to the bench of its other limit; return nil.
    function Entries.first_row(limit, entry)
        if not limit or limit.entry ~= Line.number_in(entry) then
            call('ZREM', LINE, entry)   -- only a hand in the keys can bring it about
        elseif Limiter.is_closed(limit) then
            Shared.unsettle(limit)
        else
            local row = Benches.first_row(limit)
            local other = row and #row.limits > 1 and Using.closed(row, limit)
            if other then
                Benches.move(row, other)
            else
                return row
            end
        end
    end

    -- Count a move. Return whether there may be more.
    function Entries.count_move()
        moves = moves - 1
        return moves > 0
    end

    -- Return the place of the queue that comes first at a shared limit, nil if there is none.
    function Entries.first_place(name)
        local limit = Shared.get(name)
        local row = Rows.alone(limit)
        if limit.benched > 0 then
            local _, _, row_name = Benches.first_place(limit)
            row = row_name and Rows.named(row_name)
        end
        return row and row.first
    end
end

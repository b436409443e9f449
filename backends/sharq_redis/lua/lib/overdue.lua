-- Overdue: the queues that may be dequeued, in the order of their places, those in rows too.
--
-- The queues of the line and those of each row whose shared limits are open are sources. Each gives its places in their
-- order; the next of all is the least of the first ones. A place counts as {ready since, number, queue id, source}.
--
-- A call passes so many entries of the line, or looks at so many rows. Then it says where the next one goes on: a list of
-- the name of the last row, or of '' and the last place of the line, {ready since, number}; no list if it saw all.

local Overdue = {}
local MAX_PASSED = 1000     -- entries of shared limits, and rows, in a call

do
    local PAGE = 20
    local heads         -- the first places of all sources, the least one last

    local function comes_before(one, other)
        return one[1] < other[1] or (one[1] == other[1] and one[2] < other[2])
    end

    -- Return the number in a place, 0 if the place is too short: someone has changed the keys by hand.
    local function number_in(place)
        return #place > #Line.member(0, '') and Line.number_in(place) or 0
    end

    -- Return the rank of the first place behind one. Without `since`, it is the first of all.
    local function rank_behind(key, since, number)
        return since and Paging.rank_behind(key, since, function(place)
            return number_in(place) > number
        end) or 0
    end

    -- Return up to `limit` ready places of queues in the line behind one, and where the next call goes on.
    function Overdue.in_line(limit, since, number)
        local found, passed, rank = {}, 0, rank_behind(LINE, since, number)
        while true do
            local places = Paging.members(LINE, rank, PAGE)
            for at = 1, #places, 2 do
                local place, ready = places[at], tonumber(places[at + 1])
                if ready > now or #found == limit then
                    return found
                elseif not (has_shared and Shared.is_entry(place)) then
                    found[#found + 1] = {ready, number_in(place), Line.id_in(place)}
                elseif passed == MAX_PASSED then
                    return found, {'', integer(since), number}
                else
                    passed = passed + 1
                end
                since, number = ready, number_in(place)
            end
            if #places == 0 then
                return found
            end
            rank = rank + PAGE
        end
    end

    -- Return the next place of a row, nil if no more are ready.
    local function next_in_row(source)
        if source.at >= #source.places then
            source.places, source.at = Paging.members(source.key, source.rank, source.page), 0
            source.rank, source.page = source.rank + source.page, PAGE
        end
        local place, since = source.places[source.at + 1], tonumber(source.places[source.at + 2])
        source.at = source.at + 2
        if place and since <= now then
            return {since, number_in(place), Line.id_in(place), source}
        end
    end

    local function next_in_list(source)
        source.at = source.at + 1
        local place = source.places[source.at]
        return place and {place[1], place[2], place[3], source}
    end

    -- Put the next place of a source where it belongs.
    local function advance(source)
        local head = source.next(source)
        local low, high = 1, #heads + 1
        while head and low < high do
            local middle = math.floor((low + high) / 2)
            if comes_before(heads[middle], head) then
                high = middle
            else
                low = middle + 1
            end
        end
        if head then
            table.insert(heads, low, head)
        end
    end

    local function add_row(name, since, number)
        local row = Rows.named(name)
        if row.since and row.since <= now and not Using.closed(row) then
            local rank = rank_behind(row.key, since, number)
            advance({next = next_in_row, key = row.key, rank = rank, page = 1, places = {}, at = 0})
        end
        return true
    end

    -- Add the places behind one of some rows behind a name. Return where the next call goes on. Rows that are damaged are
    -- left out.
    local function add_rows(name, since, number)
        local names = Rows.names_behind(name, MAX_PASSED)
        for at = 1, #names do
            guarded(add_row, names[at], since, number)
        end
        return #names == MAX_PASSED and {names[#names]} or nil
    end

    -- Return up to `limit` places behind one that an earlier call has not seen, as {ready since, number, queue id};
    -- whether there are more of those that this call saw; and where the next one goes on. An earlier one of the page said
    -- `row`, and what follows; it is '' in the first.
    function Overdue.places(limit, since, number, row, line_since, line_number)
        local further
        heads = {}
        if row == '' then
            local places
            places, further = Overdue.in_line(limit + 1, line_since or since, line_number or number)
            advance({next = next_in_list, places = places, at = 0})
        end
        if has_shared and not further then
            further = add_rows(row, since, number)
        end
        local found = {}
        while #heads > 0 and #found < limit do
            local head = table.remove(heads)
            found[#found + 1] = head
            advance(head[4])
        end
        return found, #heads > 0, further
    end
end

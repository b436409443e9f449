-- Walking: go over the places of a type, step by step: first those in the line, then row by row by their names.
--
-- A walk stands at a position: ready since and member of the place that was looked at last, '' before the first, and the
-- name of its row, '' for the line.

local Walking = {}

do
    -- Return up to `count` places that follow a position, each with its ready since. If only places ahead are wanted, the
    -- first of a zset is the first that is not ready.
    local function places_behind(key, since, place, count, only_ahead)
        local first = 0
        if place ~= '' then
            first = Paging.rank_next_to(key, since, place)
        elseif only_ahead then
            first = call('ZCOUNT', key, '-inf', integer(now))
        end
        return Paging.members(key, first, count)
    end

    -- Return the name of the row behind one, nil if there is none. If that cannot be read, add the reason to `broken`: it is
    -- the end.
    local function next_row(name, broken)
        local names, reason = nil, nil
        if has_shared then
            names, reason = guarded(Rows.names_behind, name, 1)
        end
        if reason then
            note_broken(broken, '', reason)
        end
        return names and names[1]
    end

    -- Visit the queues at places. Entries of shared limits are left as they are.
    local function visit_all(places, row, visit, broken)
        local ids = {}
        for at = 1, #places, 2 do
            ids[#ids + 1] = Line.id_in(places[at])
        end
        Queues.prefetch_page(ids)
        for at = 1, #ids do
            local place = places[2 * at - 1]
            if row or not Shared.is_entry(place) then
                local fine, reason = guarded(visit, place, row)
                if fine == false then
                    note_broken(broken, ids[at], reason)
                end
            end
        end
        Step.write()
    end

    -- Visit up to `room` queues of a row behind a position. Return their places. A damaged row is passed over.
    local function visit_row(name, since, place, room, only_ahead, visit, broken)
        local row, reason = guarded(Rows.named, name)
        if not row then
            note_broken(broken, name, reason)
            return {}
        end
        local places = places_behind(row.key, since, place, room, only_ahead)
        visit_all(places, row, visit, broken)
        return places
    end

    -- Look at up to `limit` places behind a position; each row counts as one too. `visit` takes a place and its row, nil
    -- for the line. Add damaged queues, each with the reason, to `broken`. Return how many were looked at, and the
    -- position that was reached, nothing if that is the end.
    function Walking.go_on(since, place, name, limit, only_ahead, visit, broken)
        local looked_at = 0
        while name do
            local room = limit - looked_at
            if room <= 0 then
                return looked_at, since, place, name
            end
            local places
            if name == '' then
                places = places_behind(LINE, since, place, room, only_ahead)
                visit_all(places, nil, visit, broken)
            else
                places = visit_row(name, since, place, room, only_ahead, visit, broken)
            end
            looked_at = looked_at + #places / 2
            if #places == 2 * room then
                return looked_at, places[#places], places[#places - 1], name
            end
            looked_at = looked_at + (name ~= '' and 1 or 0)
            since, place, name = '', '', next_row(name, broken)
        end
        return looked_at
    end
end

-- Ageing: drop dead letters that are too old or too many, the lowest numbers first.

local Ageing = {}

do
    local VISIT_MS = 3600 * 1000    -- a shorter retention takes effect within this time

    local function drop(member, number)
        local id = Dead.owner_of(member)
        local letter = Letters.read(id, number)
        Letters.check(id)
        Letters.remove(id, letter)
        return letter.size
    end

    -- Return when a letter died. Return 0 for a member that is not a letter, so that it is dropped.
    local function died_at(member)
        local fine, at = pcall(Dead.parse_member, member)
        return fine and at or 0
    end

    -- Drop up to `limit` letters: while there are more than `max_count`, or the first one died at least
    -- `max_age` ms ago. Letters of damaged queues only leave the list of the type. Their queues are added to
    -- `broken` with the reason, and do not change. If the list itself is damaged, nothing is dropped.
    function Ageing.drop(limit, max_age, max_count, broken)
        local found = try('ZRANGE', LETTERS, 0, limit - 1, 'WITHSCORES')
        local excess = #found > 0 and call('ZCARD', LETTERS) - max_count
        local dropped, bytes = 0, 0
        while 2 * dropped < #found and bytes <= MAX_LETTER_BYTES do
            local member, number = found[2 * dropped + 1], tonumber(found[2 * dropped + 2])
            if died_at(member) + max_age > now and dropped >= excess then
                break
            end
            local size, reason = guarded(drop, member, number)
            if not size then
                call('ZREM', LETTERS, member)
                note_broken(broken, Dead.owner_of(member), reason)
            end
            dropped, bytes = dropped + 1, bytes + (size or 0)
        end
        Step.write()
        Totals.add('aged_out', dropped)
    end

    -- Return when `tend` must look at the letters of the type next, math.huge if there are none.
    function Ageing.due(max_age, max_count)
        local first = try('ZRANGE', LETTERS, 0, 0)[1]
        if not first then
            return math.huge
        elseif call('ZCARD', LETTERS) > max_count then
            return now
        end
        return math.min(died_at(first) + max_age, now + VISIT_MS)
    end
end

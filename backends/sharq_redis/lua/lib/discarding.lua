-- Discarding: remove the dead letters of a queue that is cleared, the oldest first.

local Discarding = {}

do
    local function discard(id, member)
        local letter = Letters.read(id, tonumber(member))
        Letters.discard(id, letter)
        return letter.size
    end

    -- Remove as much as possible of a damaged letter.
    local function force_out(id, member)
        try('HDEL', Scope.key('dead', id), '#' .. member, '<' .. member, '>' .. member)
        try('ZREM', Scope.key('deaths', id), member)
        local entry = try('ZRANGE', LETTERS, member, member, 'BYSCORE')[1]
        try('ZREM', LETTERS, entry or '')
        Totals.add('discarded', 1)
    end

    -- Remove letters from the beginning of a list. Return how many. Stop at a damaged one, and return the reason;
    -- if `forced`, remove damaged ones too.
    local function discard_first(id, found, limit, forced)
        local removed, bytes = 0, 0
        while removed < math.min(limit, #found) and bytes <= MAX_LETTER_BYTES do
            local member = found[removed + 1]
            local size, reason = guarded(discard, id, member)
            if not size and not forced then
                return removed, reason
            elseif not size then
                force_out(id, member)
            end
            removed, bytes = removed + 1, bytes + (size or 0)
        end
        return removed
    end

    -- Discard up to `limit` letters of a queue; if `forced`, damaged ones too. Return how many, and whether there
    -- are more. If nothing could be removed because the queue is damaged, also return the reason.
    function Discarding.discard(id, limit, forced)
        if not forced and not Queues.has_letters(id) then
            return 0, false
        end
        local found = try('ZRANGE', Scope.key('deaths', id), 0, integer(limit))
        if found.err and not forced then
            return 0, false, found.err
        end
        local removed, reason = discard_first(id, found, limit, forced)
        if removed == 0 and reason then
            return 0, false, reason
        elseif removed < #found then
            return removed, true
        end
        Letters.note_none(id)   -- even if their list is damaged
        return removed, false
    end
end

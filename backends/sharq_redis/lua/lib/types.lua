-- Types: how a type comes into being, ends and is forgotten.
--
-- A type ends when it has no queue and no dead letter any more. Its totals stay for a day. If the type comes into
-- being again within that day, they go on counting. After it, `tend` removes them.

do
    local KEPT_MS = 24 * 3600 * 1000

    -- Correct the totals, so that they say that there are no jobs, if some may have been removed uncounted. No
    -- queue of the type exists; `tombstones` have dead letters.
    local function settle(tombstones)
        if try('HEXISTS', TOTALS, 'inexact') ~= 1 then
            return
        end
        local lost, revoked = Totals.balance(Totals.read())
        call('HSET', TOTALS, 'lost', integer(lost), 'revoked', integer(revoked), 'delayed', 0,
            'tombstones', tombstones)
        call('HDEL', TOTALS, 'inexact')
    end

    -- Note that jobs may have been removed uncounted, with a damaged queue.
    function Types.note_loss()
        try('HSET', TOTALS, 'inexact', 1)
    end

    -- Return whether no queue exists, and how many have dead letters only.
    function Types.is_empty()
        local tombstones = try('HGET', TOTALS, 'tombstones')
        local names = call('HLEN', QUEUES)
        return type(tombstones) ~= 'table' and names <= (tonumber(tombstones or 0) or 0), names
    end

    -- Correct the totals if no queue exists any more. What this call counted was written before.
    function Types.settle_if_empty()
        local is_empty, names = Types.is_empty()
        if is_empty then
            settle(names)
        end
    end

    -- End the type: it has neither a queue nor a dead letter any more.
    function Types.finish()
        local over = integer(now + KEPT_MS)
        call('UNLINK', NUMBER, LETTERS, WALK)
        Gate.tidy()
        call('SREM', TYPES, Scope.type_name())
        local added = try('HSET', TOTALS, 'ends_at', over)
        if type(added) == 'table' then  -- damaged
            call('UNLINK', TOTALS)
        end
        if added ~= 0 then  -- it ends for the first time, or its totals were lost
            call('HSET', TOTALS, 'ends_at', over, 'inexact', 1)
        end
        if own_time then
            call('ZADD', DUE, over, Scope.type_name())
        else    -- `tend` must remove what its queues left behind before that
            call('ZADD', DUE, 'LT', over, Scope.type_name())
        end
    end

    -- Note that the type comes into being, perhaps again.
    function Types.begin()
        call('SADD', TYPES, Scope.type_name())
        local over = Totals.ends_at()
        if over and over <= now then
            call('UNLINK', TOTALS)
        elseif over then
            settle(0)
        end
    end

    -- Forget the type if it ended a day ago. Return when it is to be forgotten, nil if it has not ended.
    function Types.forget()
        if call('EXISTS', QUEUES) == 1 or call('EXISTS', TOTALS) == 0 then
            return nil
        end
        local over = Totals.ends_at()
        if not over then    -- someone removed its queues by hand
            Types.finish()
            return now + KEPT_MS
        elseif over > now then
            return over
        end
        call('UNLINK', TOTALS)
    end
end

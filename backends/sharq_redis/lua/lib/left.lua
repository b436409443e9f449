-- What is left of queues that do not exist: their records, while a debt is not paid off, a freeze stands or a
-- minute of the counts can still be asked for. By the server's own time they expire, else `tend` removes them.
-- Settings stay.

do
    -- Return what a queue left behind, else nil. It changes nothing.
    function Left.by(id)
        local raw = call('GET', Scope.key('left', id))
        local left = raw and Records.parse(id, raw)
        if left and left[TAIL] ~= '' then
            left[KEPT] = true
            Times.read(left)
            Terms.read(left)
        end
        return left
    end

    local function bring_to_now(queue)
        Terms.take_up(queue)
        Terms.forget_if_paid(queue)
        Defaults.reach_new(queue)
        if queue[KEPT] then
            Terms.revive(queue)
        end
    end

    -- Return a queue that does not exist as it would come into being now. It changes nothing.
    function Left.as_begun(id)
        local queue = Left.by(id) or Records.fresh(id, 0)
        bring_to_now(queue)
        return queue
    end

    function Left.drop(id)
        call('UNLINK', Scope.key('left', id))
        if not own_time then
            call('ZREM', IDLE, id)
        end
    end

    -- Forget what a queue left behind if it cannot be read.
    function Left.drop_damaged(id)
        if not pcall(Left.by, id) then
            Left.drop(id)
        end
    end

    -- Bring a queue into being, out of what it left behind if it did.
    function Left.bring_into_being(id, left)
        local queue = left or Records.fresh(id, 0)
        if left or defaults_version > 0 then
            bring_to_now(queue)
        end
        if left then
            Left.drop(id)
            queue[STORED], queue[FORM] = false, ALONE
            queue[HAS_LETTERS], queue[TIMED] = false, queue[HAS_LETTERS]
        end
        if Tombstones.has(id) then
            queue[STORED], queue[BURIED], queue[HAS_LETTERS], queue[TIMED] = true, true, true, true
        end
        Queues.note(queue)
        return queue
    end

    local function needed_until(queue, owes_until)
        if Terms.text(queue) ~= '' then
            return NO_END
        end
        return math.max(owes_until, Counts.asked_until(queue))
    end

    -- Return the instant from which on what a queue left behind may go, NO_END if it has settings.
    function Left.needed_until(queue)
        return needed_until(queue, Terms.owes_until(queue))
    end

    -- Keep of a queue without jobs what may still be asked for: it expires, or `tend` removes it. Settings stay.
    function Left.leave(queue)
        local id, ends_at = queue[ID], needed_until(queue, Terms.forget_if_paid(queue))
        if has_shared then
            Terms.forget_uses(queue)
            Naming.count(queue, false)
        end
        if ends_at == NO_END then
            call('SET', Scope.key('left', id), Records.pack(queue))
            if not own_time then
                call('ZREM', IDLE, id)
            end
        elseif ends_at > now then
            set_to_expire(Scope.key('left', id), Records.pack(queue), ends_at - now + GRACE_MS)
            if not own_time then
                call('ZADD', IDLE, integer(ends_at), id)
                call('ZADD', DUE, 'LT', integer(ends_at), Scope.type_name())
            end
        end
    end

    -- Change what is kept of a queue that does not exist, by a function.
    function Left.change(queue, change)
        bring_to_now(queue)
        change(queue)
        if queue[STORED] then
            Left.drop(queue[ID])
        end
        Left.leave(queue)
    end
end

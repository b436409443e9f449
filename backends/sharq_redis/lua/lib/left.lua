-- What is left of queues that ceased to exist: their records, while a rate is not paid off or a minute
-- of the counts can still be asked for. By the server's own time they expire, else `tend` removes them.

do
    -- Return what a queue left behind, else nil. It changes nothing.
    function Left.by(id)
        local raw = call('GET', Scope.key('left', id))
        local left = raw and Records.parse(id, raw)
        if left and left[TAIL] ~= '' then
            Times.read(left)
        end
        return left
    end

    function Left.drop(id)
        call('UNLINK', Scope.key('left', id))
        if not own_time then
            call('ZREM', IDLE, id)
        end
    end

    -- Bring a queue into being, out of what it left behind if it did.
    function Left.bring_into_being(id, left, interval)
        local queue = left or Records.fresh(id, interval)
        Limits.take_up(queue)
        if left then
            Left.drop(id)
            Limits.forget_if_paid(queue)
            queue[STORED], queue[FORM] = false, ALONE
            queue[HAS_LETTERS], queue[TIMED] = false, queue[TAIL] ~= ''
        end
        if Tombstones.has(id) then
            queue[STORED], queue[BURIED], queue[HAS_LETTERS], queue[TIMED] = true, true, true, true
        end
        Queues.note(queue)
        return queue
    end

    -- Keep of a queue without jobs what may still be asked for: it expires, or `tend` removes it.
    function Left.leave(queue)
        Limits.forget_if_paid(queue)
        local needed_until = math.max(Limits.ready_at(queue), Counts.asked_until(queue))
        if needed_until > now then
            local id = queue[ID]
            set_to_expire(Scope.key('left', id), Records.pack(queue), needed_until - now + GRACE_MS)
            if not own_time then
                call('ZADD', IDLE, integer(needed_until), id)
                call('ZADD', DUE, 'LT', integer(needed_until), Scope.type_name())
            end
        end
    end
end

-- A step: the frame that every verb on a type puts around its items.

do
    local touched, count = {}, 0

    -- Begin to work on the type that the scope names.
    function Step.begin()
        count = 0
        Queues.begin()
        Line.begin()
        Expiring.begin()
        Totals.begin()
        Dead.begin()
        leases_more, has_gate, has_shared, defaults_version = 0, false, false, 0
        type_settings = call('GET', SETTINGS)
        if type_settings then
            Gate.begin()
            if has_shared then
                Shared.begin()
            end
        end
    end

    -- Note that a queue was changed: it takes up changed defaults, and gets its place; it is to be written.
    function Step.changed(queue, served, number, ahead)
        if defaults_version > 0 or (queue[RULES] and queue[FEATURES].v) then
            Defaults.reach(queue)
        end
        Line.take_place(queue, served, number, ahead)
        if not queue[TOUCHED] then
            count = count + 1
            queue[TOUCHED], touched[count] = true, queue
        end
    end

    -- Have a queue written whose place cannot have changed.
    function Step.noted(queue)
        if not queue[TOUCHED] then
            count = count + 1
            queue[TOUCHED], touched[count] = true, queue
        end
    end

    -- Note that nothing of a queue was changed but that its only lease ended. Its place is what it was.
    function Step.unleased(queue)
        if queue[TOUCHED] or not queue[RAW] or queue[WAITING] == 0
            or ((defaults_version > 0 or queue[RULES]) and Defaults.are_pending(queue)) then
            Step.changed(queue)
        else
            Expiring.leave(queue)
            Queues.keep_without_lease(queue)
        end
    end

    -- Write what was changed since this was called last.
    function Step.write()
        if has_shared then
            Shared.settle()
        end
        if count > 0 then
            Line.write(touched, count)
            Times.write(touched, count)
        end
        Expiring.write(touched, count)
        Queues.write(touched, count)
        Dead.write()
        if has_shared then
            RowWrites.write()
            Shared.write()
        end
        if has_gate then
            Gate.write()
        end
        count = 0
    end
end

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
    end

    -- Note that a queue was changed: give it its place, and have it written.
    function Step.changed(queue, served, number, ahead)
        Line.take_place(queue, served, number, ahead)
        if not queue[TOUCHED] then
            count = count + 1
            queue[TOUCHED], touched[count] = true, queue
        end
    end

    -- Note that nothing of a queue was changed but that its only lease ended. Its place is what it was.
    function Step.unleased(queue)
        if queue[TOUCHED] or not queue[RAW] or queue[WAITING] == 0 then
            Step.changed(queue)
        else
            Expiring.leave(queue)
            Queues.keep_without_lease(queue)
        end
    end

    -- Write what was changed since this was called last.
    function Step.write()
        Line.write(touched, count)
        Expiring.write(touched, count)
        Times.write(touched, count)
        Queues.write(touched, count)
        Dead.write()
        count = 0
    end
end

-- A step: the frame that every verb on a type puts around its items.

local Step = {}

do
    local touched, count = {}, 0

    -- Begin to work on the type that the scope names.
    function Step.begin()
        count = 0
        Records.begin()
        Line.begin()
        Leases.begin()
    end

    -- Note that a queue was changed: give it its place, and have it written.
    function Step.changed(queue, served, number, ahead)
        Line.take_place(queue, served, number, ahead)
        if not queue[TOUCHED] then
            count = count + 1
            touched[count] = queue
        end
        queue[TOUCHED] = CHANGED
    end

    -- Note that nothing of a queue was changed but that its only lease ended. Its place is what it was.
    function Step.unleased(queue)
        if queue[TOUCHED] or not queue[RAW] or queue[WAITING] == 0 then
            Step.changed(queue)
        else
            queue[TOUCHED] = UNLEASED
            count = count + 1
            touched[count] = queue
        end
    end

    -- Write what was changed since this was called last.
    function Step.write()
        for at = 1, count do
            local queue = touched[at]
            Line.collect(queue)
            Leases.collect(queue)
            Records.collect(queue)
            queue[TOUCHED] = false
        end
        count = 0
        Line.write()
        Leases.write()
        Records.write()
    end

    -- Let a job whose lease ends wait again, `raw` being what it is from now on. What this reads was
    -- checked by `Waiting.check`.
    function Step.bring_back(queue, lease, raw)
        local job_id, number = lease[6], lease[3]
        Leases.take(queue, lease)
        Waiting.add(queue, job_id, number - RETURNED)
        Bodies.replace(queue, job_id, raw)
        Step.changed(queue)
    end
end

-- Expiring: the queues of a type that have leases, each under its first lease's expiry.

do
    local gone, later, sooner = {n = 0}, {n = 0}, {n = 0}   -- to be written
    local soonest               -- expiry that was given

    function Expiring.begin()
        gone.n, soonest = 0, math.huge
    end

    -- Note that a lease of a queue was given, or has another expiry.
    function Expiring.note(queue, expiry)
        if not queue[FIRST] or expiry < queue[FIRST] then
            queue[FIRST] = expiry
        end
        if expiry < soonest then
            soonest = expiry
        end
    end

    -- Note that a queue of which nothing else was changed has no lease any more.
    function Expiring.leave(queue)
        local n = gone.n
        gone[n + 1], gone.n = queue[ID], n + 1
        queue[ENDED] = false
    end

    -- Write the expiries of the first `count` of a list of queues that were changed.
    function Expiring.write(changed, count)
        local sooner_values = 0
        later.n = 0
        for at = 1, count do
            local queue = changed[at]
            if queue[ENDED] then
                if queue[LEASED] == 0 then
                    Writes.add(gone, queue[ID])
                else
                    Writes.add(later, integer(Leases.first_expiry(queue) or now), queue[ID])
                end
            elseif queue[FIRST] then
                sooner[sooner_values + 1], sooner[sooner_values + 2] = integer(queue[FIRST]), queue[ID]
                sooner_values = sooner_values + 2
            end
            queue[ENDED], queue[FIRST] = false, false
        end
        sooner.n = sooner_values
        Writes.send(gone, 'ZREM', EXPIRING)
        Writes.send(later, 'ZADD', EXPIRING)
        Writes.send(sooner, 'ZADD', EXPIRING, 'LT')
        if soonest < math.huge then
            call('ZADD', DUE, 'LT', integer(soonest), Scope.type_name())
            soonest = math.huge
        end
    end
end

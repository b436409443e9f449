-- Using: what the shared limits of a row (lib/rows.lua) say of the queues that use them.

do
    -- Return the shared limit of a row that is closed now, nil if all are open. One of them may be left out.
    function Using.closed(row, but)
        for at = 1, #row.limits do
            local limit = row.limits[at]
            if limit ~= but and Limiter.is_closed(limit) then
                return limit
            end
        end
    end

    -- Add a hold for each shared limit of a row that is closed to a list (lib/holds.lua): one more value is its name.
    function Using.add_holds(row, holds)
        for at = 1, #row.limits do
            local limit = row.limits[at]
            local ready = Limiter.ready_at(limit)
            if ready > now then
                holds[#holds + 1] = {'shared_limit', ready < NO_END and ready or -1, '', limit.name}
            end
        end
    end

    -- Return the instant at which a job is to be expected that could go at `instant` without the limits of its row.
    function Using.foreseen(row, instant)
        for at = 1, #row.limits do
            instant = Limiter.foreseen(row.limits[at], instant)
        end
        return instant
    end

    -- Return the instant from which on the limits of a row let a queue go that is ready at `since`.
    function Using.lets_through(row, since)
        for at = 1, #row.limits do
            since = math.max(since, Limiter.ready_at(row.limits[at]))
        end
        return since
    end
end

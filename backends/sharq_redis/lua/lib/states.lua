-- States: the jobs of a queue in one state, in the order in which they would go.
--
-- A job is found as {its id, where it stands, how many stand before it, when it is due, its lease}; each of the last
-- three is nil if it does not apply. `Where it stands` is a list of numbers. A listing goes on from it, even if the
-- job is gone:
--   waiting  its place (lib/waiting.lua); for a job that is due but has not joined: at, urgency, number
--   delayed  at, urgency, number (lib/delays.lua)
--   leased   expiry, number

local States = {}

do
    local queue, id, most, found        -- of this search

    local function add(job_id, where, position, due_at, lease)
        found[#found + 1] = {job_id, where, position, due_at, lease}
    end

    local function room()
        return most - #found
    end

    local function find_joined(place)
        if queue[WAITING] > 0 and (not place or queue[HEAD_PLACE] > place) then
            add(queue[HEAD], {queue[HEAD_PLACE]}, 0)
        end
        if queue[WAITING] > 1 then
            local rest = REST .. id
            if call('ZCARD', rest) ~= queue[WAITING] - 1 then
                error('jobs that wait are missing')
            end
            local rank = place and Paging.rank_above(rest, place) or 0
            local members = Paging.members(rest, rank, room())
            for at = 1, #members, 2 do
                rank = rank + 1
                add(members[at], {tonumber(members[at + 1])}, rank)
            end
        end
    end

    -- Add the jobs of `delayed` from a rank on, only those that are due (or only those that are not).
    local function find_delayed(rank, are_due)
        local members = Paging.members(Scope.key('delayed', id), rank, room())
        for at = 1, #members, 2 do
            local due_at = tonumber(members[at + 1])
            if (due_at <= now) ~= are_due then
                break
            end
            local urgency, number, job_id = Delays.parts(members[at])
            add(job_id, {due_at, urgency, number}, queue[WAITING] + rank, due_at)
            rank = rank + 1
        end
    end

    -- Return the rank of the first job of `delayed` behind a given one, which may be gone.
    local function rank_behind(due_at, urgency, number)
        return Paging.rank_behind(Scope.key('delayed', id), due_at, function(member)
            local its_urgency, its_number = Delays.parts(member)
            return its_urgency > urgency or (its_urgency == urgency and its_number > number)
        end)
    end

    -- One function for each state. It begins behind the job that stands as its arguments say, if there are any.
    local states = {}

    function states.waiting(place_or_at, urgency, number)
        if not urgency then
            find_joined(place_or_at)
        end
        if Times.delayed(queue) > 0 then
            find_delayed(urgency and rank_behind(place_or_at, urgency, number) or 0, true)
        end
    end

    function states.delayed(due_at, urgency, number)
        if Times.delayed(queue) > 0 then
            local rank = due_at and rank_behind(due_at, urgency, number) or 0
            find_delayed(math.max(rank, Times.due(queue)), false)
        end
    end

    function states.leased(expiry, number)
        if queue[LEASED] == 1 and queue[LEASE] ~= '' then
            local lease = Leases.first(queue)
            if not expiry or lease[EXPIRY] > expiry
                or (lease[EXPIRY] == expiry and lease[JOB_NUMBER] > number) then
                add(lease[JOB], {lease[EXPIRY], lease[JOB_NUMBER]}, nil, nil, lease)
            end
            return
        end
        local leases = Scope.key('leases', id)
        if call('ZCARD', leases) ~= queue[LEASED] then
            error('its leases are missing')
        end
        local rank = expiry and Paging.rank_behind(leases, expiry, function(member)
            return Line.number_in(member) > number
        end) or 0
        local members = Paging.members(leases, rank, room())
        for at = 1, #members, 2 do
            local job_id = Line.id_in(members[at])
            local lease = Leases.of(queue, job_id) or error('the lease of ' .. job_id .. ' is missing')
            add(job_id, {tonumber(members[at + 1]), Line.number_in(members[at])}, nil, nil, lease)
        end
    end

    -- Return up to `count` jobs of a queue in a state. The last arguments say where the job stands behind which
    -- it begins.
    function States.find(of_queue, state, count, ...)
        queue, id, most, found = of_queue, of_queue[ID], count, {}
        states[state](...)
        return found
    end
end

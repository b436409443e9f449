-- Foresight: when a job that waits or is delayed can go at the earliest.
--
-- It lets the jobs before it go as early as they can, by the functions that decide and pay. Jobs with a ttl do not
-- count: they may die. What was worked out of a queue serves all jobs of it that a call asks for.

local Foresight = {}

do
    local MAX_AHEAD = 1000      -- jobs that have joined, and due ones, that are looked at
    local MAX_BYTES = 8388608   -- payloads that are looked at, but for the last
    local foreseen              -- of this call: queue id -> what was worked out of it

    function Foresight.begin()
        foreseen = {}
    end

    -- Add the jobs of a queue that have joined, in their order: place, id.
    local function add_joined(queue, jobs)
        if queue[WAITING] > 0 then
            jobs[1] = {queue[HEAD_PLACE], queue[HEAD]}
        end
        if queue[WAITING] > 1 then
            local found = Paging.members(REST .. queue[ID], 0, MAX_AHEAD - 1)
            if #found / 2 < math.min(queue[WAITING], MAX_AHEAD) - 1 then
                error('jobs that wait are missing')
            end
            for at = 1, #found, 2 do
                jobs[#jobs + 1] = {tonumber(found[at + 1]), found[at]}
            end
        end
    end

    -- Return the first jobs of a queue that wait, due ones among them, in their order: place, id.
    local function first_jobs(queue)
        local jobs = {}
        add_joined(queue, jobs)
        local due = Delays.first_due(queue, MAX_AHEAD)
        for at = 1, #due do
            local _, _, id = Delays.parts(due[at])
            jobs[#jobs + 1] = {Delays.place_in(due[at]), id}
        end
        if #due > 0 then
            table.sort(jobs, function(one, other) return one[1] < other[1] end)
        end
        return jobs
    end

    -- Note from when on the job could go that stands next.
    local function note(line)
        local ready = Holds.ready_at(NO_RULES, line.limits, line.owed, line.last, 0)
        line.instants[line.looked_at] = math.max(line.instant, ready)
        line.leases[line.looked_at] = line.leased
    end

    local function begin_line(queue, limits)
        local line = {queue = queue, limits = limits, owed = {}, last = queue[LAST], instant = now, leased = queue[LEASED],
            jobs = first_jobs(queue), looked_at = 0, room = MAX_BYTES, instants = {}, leases = {}}
        for name, value in next, queue[FEATURES] or {} do
            line.owed[name] = value
        end
        note(line)
        return line
    end

    -- Let the next job of a line go.
    local function look_at_next(line)
        local at = line.looked_at + 1
        local raw = Bodies.get(line.queue, line.jobs[at][2])
        local _, _, payload_at, tail = Bodies.parse(raw)
        line.room = line.room - (#raw - payload_at + 1)
        if not (tail and tail.e) then
            if tail and tail.c then
                Limits.check_cost(tail.c)
            end
            line.instant = line.instants[at - 1]
            Limits.pay(line.limits, line.owed, line.last, tail and tail.c, line.instant)
            line.last, line.leased = line.instant, line.leased + 1
        end
        line.looked_at = at
        note(line)
    end

    -- Return from when on a job could go that stands at `place`, and how many leases there would be then.
    local function reach(line, place)
        local at = 0
        while line.jobs[at + 1] and line.jobs[at + 1][1] < place do
            at = at + 1
            if at > line.looked_at then
                if line.room < 0 then
                    break
                end
                look_at_next(line)
            end
        end
        at = math.min(at, line.looked_at)
        return line.instants[at], line.leases[at]
    end

    -- Return the instant before which a job of a queue does not go, -1 if only an event can free it. It stands at
    -- `place` among those that wait, and is due at `due_at`, nil if it has joined.
    function Foresight.earliest_at(queue, place, due_at)
        local rules, limits = queue[RULES] or NO_RULES, Terms.limits(queue)
        if rules.paused then
            return -1
        elseif #limits == 0 and not rules.concurrency then
            return math.max(now, due_at or 0, queue[FEATURES] and queue[FEATURES].f or 0)
        end
        local line = foreseen[queue[ID]] or begin_line(queue, limits)
        foreseen[queue[ID]] = line
        local instant, leased = reach(line, place)
        if rules.concurrency and leased >= rules.concurrency then
            return -1
        end
        return math.max(instant, due_at or 0)
    end
end

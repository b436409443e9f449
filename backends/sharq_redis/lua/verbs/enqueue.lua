-- Put jobs into their queues.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 packed values, for each job queue id, job id, interval or -1, and
--       max_queued_length or -1; then for each job packed values requeues and 0 attempts, and its payload;
--       then, if any job has extras, a packed map from its position to them: at or delay, ttl, keep_for, and
--       p, d, k, c, h as in its tail (lib/bodies.lua); u: the shared limits that the queue is to use, a list, for each
--       its name and the text of its settings, or '' if it is not to be created
-- Reply the time, then for each job: outcome (1 queued, 0 duplicate, -1 full, -3 without an interval, -4 where a shared
--       limit is missing, or the id of the job that is remembered under its key) and how many waited or were delayed before it; or -2 and why its
--       queue is damaged
-- Refused as a whole, before anything is written, when memory is full.

local Enqueue = {flags = {}}

do
    local QUEUED, DUPLICATE, FULL, BROKEN, NO_INTERVAL, UNKNOWN_LIMIT = 1, 0, -1, -2, -3, -4

    local FIELDS = 4
    local jobs, rests, reply        -- of this call; `rests`: its arguments, from the third on
    local extras            -- of the jobs that have some, by their positions
    local beginning         -- of all jobs
    local before            -- the number before that of the first
    local queued            -- how many were

    local function answer(at, outcome, waiting)
        reply[2 * at], reply[2 * at + 1] = outcome, waiting
    end

    -- Put a job with extras into its queue, or into a new one, unless it `is_there`. Return the queue and the
    -- outcome.
    local function put(queue, left, id, job_id, rest, number, extra, is_there)
        local at = math.max(now, extra.at or now + (extra.delay or 0))
        local tail = {p = extra.p, d = extra.d, c = extra.c, h = extra.h, k = extra.k,
            t = extra.ttl}
        tail.e = extra.ttl and at + extra.ttl
        tail.u = extra.k and now + extra.keep_for
        local plain = beginning .. rest
        local requeues, _, payload_at = Bodies.parse(plain)
        Times.check(id)
        if not queue then
            queue = Left.bring_into_being(id, left)
        elseif is_there then
            return queue, DUPLICATE
        else
            Waiting.check(queue)
            Bodies.spread(queue)
        end
        tail = Delays.put(queue, job_id, number, false, tail, at)
        Bodies.replace(queue, job_id, Bodies.with(plain, requeues, 0, tail, payload_at))
        if extra.k then
            Keys.remember(id, extra.k, tail.u, job_id)
        end
        return queue, QUEUED
    end

    -- Put a job with extras, or one whose queue may be full, into its queue if nothing refuses it. Return the
    -- queue and the outcome.
    local function try_to_put(queue, left, id, job_id, rest, number, extra, is_full)
        local is_there = queue and Bodies.has(queue, job_id)
        local holder = extra and extra.k and not is_there and Keys.holder(queue, id, extra.k)
        if holder then
            return queue, holder
        elseif is_full then
            return queue, is_there and DUPLICATE or FULL
        end
        return put(queue, left, id, job_id, rest, number, extra, is_there)
    end

    -- Return how many jobs a queue may have unleased, -1 for any number; nil if a job needs an interval in it.
    local function limit_by_rules(rules, interval, limit)
        if interval < 0 and not rules.limits then
            return nil
        end
        local max_length = rules.max_length
        return max_length and (limit < 0 or max_length < limit) and max_length or limit
    end

    -- Bring an interval to a queue, if the job has one.
    local function bring(queue, interval)
        if interval >= 0 then
            if defaults_version > 0 or queue[RULES] then
                Defaults.reach(queue)
            end
            Terms.bring(queue, interval)
        end
    end

    -- Return whether there is a shared limit that a job names but does not bring. Raise if it could not be brought.
    local function is_one_missing(uses)
        local names = {}
        for at = 1, #uses, 2 do
            if not Shared.find(uses[at]) then
                if uses[at + 1] == '' then
                    return true
                end
                Rules.of(uses[at + 1])
                Shared.check()
            end
            names[#names + 1] = uses[at]
        end
        Rows.check(table.concat(names, '/'))
        return false
    end

    -- Create those shared limits of a job that are missing. Return the names of all, joined by '/'.
    local function create_missing(uses)
        local names = {}
        for at = 1, #uses, 2 do
            names[#names + 1] = uses[at]
            if not Shared.find(uses[at]) then
                Shared.create(uses[at], uses[at + 1])
            end
        end
        return table.concat(names, '/')
    end

    local function enqueue(at)
        local first = (at - 1) * FIELDS + 1
        local id, job_id, interval, limit = jobs[first], jobs[first + 1], jobs[first + 2], jobs[first + 3]
        local queue, extra, unleased, left = Queues.load(id), extras and extras[at], 0, nil
        if queue then
            unleased = queue[WAITING] + (queue[DUE_AT] and Times.delayed(queue) or 0)
        else
            left = Left.by(id)
        end
        local known = queue or left
        if interval < 0 or (known and known[RULES]) or defaults_version > 0 then
            limit = limit_by_rules(Terms.to_enter(known), interval, limit)
            if not limit then
                return answer(at, NO_INTERVAL, unleased)
            end
        end
        local uses = extra and extra.u
        if uses and is_one_missing(uses) then
            return answer(at, UNKNOWN_LIMIT, unleased)
        end
        local is_full, outcome, number = limit >= 0 and unleased >= limit, QUEUED, before + at
        if extra or is_full then
            queue, outcome = try_to_put(queue, left, id, job_id, rests[at + 2], number, extra, is_full)
            if uses and outcome ~= FULL then
                uses = create_missing(uses)
            end
            if outcome == FULL or not queue then
                return answer(at, outcome, unleased)
            end
        elseif queue then
            if not Bodies.join(queue, job_id, beginning .. rests[at + 2], number) then
                outcome = DUPLICATE
            end
        else
            queue = Left.bring_into_being(id, left)
            Waiting.add(queue, job_id, number)
            Bodies.replace(queue, job_id, beginning .. rests[at + 2])
        end
        if outcome == QUEUED then
            Counts.add(queue, ENQUEUES)
            queued = queued + 1
        elseif interval < 0 and not uses then
            return answer(at, outcome, unleased)    -- nothing has changed
        end
        if queue[WAITING] > 1 and queue[RAW] and not uses and (interval < 0 or interval == queue[INTERVAL])
            and defaults_version == 0 and not (queue[RULES] and queue[FEATURES].v) then
            Step.noted(queue)       -- others wait there, and nothing else has changed: its place stays
        else
            bring(queue, interval)
            if uses then
                Terms.bring_uses(queue, uses)
            end
            Step.changed(queue, false, number)
            if has_shared then
                Step.write()        -- a row that becomes empty begins anew
            end
        end
        reply[2 * at], reply[2 * at + 1] = outcome, unleased
    end

    local function tell(at, reason)
        answer(at, BROKEN, reason)
    end

    function Enqueue.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        jobs, rests, reply, queued = {cmsgpack.unpack(args[2])}, args, {now, nil, nil}, 0
        local count = #jobs / FIELDS
        extras = #args > count + 2 and cmsgpack.unpack(args[count + 3])
        before, beginning = Line.reserve(count), Bodies.beginning()
        local is_new = before == 0
        Queues.prefetch_of(jobs, FIELDS)
        guard_each(1, count, enqueue, tell)
        Step.write()
        if is_new and queued == 0 then
            call('DEL', NUMBER)
        elseif is_new then
            Types.begin()
        end
        Counts.add_to_type('e', queued)
        Totals.add('enqueued', queued)
        Totals.write()
        Wakeups.announce()
        return reply
    end
end

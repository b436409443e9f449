-- Do what workers say of their leases: each item makes one move.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many receipts each shard may hold, 3 packed values, for each lease queue id,
--       job id, token or '', name of the move, what the move needs
-- Moves finish   for how long (ms) a receipt is kept
--       correct  the same, of a job that took what a list then says: how long, what it took (a map)
--       release  for how long (ms) the job is delayed; or a list of that, for how long its queue is frozen, 0 for not at
--                all, and where it is given the name of a shared limit and for how long that is frozen
--       fail     a map: error, delay (ms), dead, freeze (ms), limit (a list of such a name and time), each where it is
--                given
--       extend   for how long (ms) from now
-- Reply for each lease what its move answers: when an extended one expires; how long one was held that is over, less than
--       0: -1 is 0 ms; ended for a repeated finish, stale, unknown or not_charged; or why its queue is damaged
-- An unknown move changes nothing, and is told as damage is.

local Settle = {flags = {'allow-oom'}}

do
    local FIELDS = 5
    local items, reply      -- of this call
    local finished          -- how many leases finishes ended

    -- Each takes the queue, the lease, what the move needs, and the token of the item. It returns the answer.
    local moves = {}

    -- Return how long a lease was held, as the reply tells it.
    local function held(lease)
        return math.min(0, lease[LEASED_AT] - now) - 1
    end

    local function finished_one(lease, queue, receipt_ms, token)
        finished = finished + 1
        if lease[TAIL_AT] <= #lease[PACKED] then
            Leases.keep_key(queue, lease)
        end
        if token ~= '' then
            Receipts.keep(token, queue[ID], lease[JOB], receipt_ms)
        end
        return held(lease)
    end

    function moves.finish(queue, lease, receipt_ms, token)
        if queue[LEASE] ~= '' then
            Bodies.remove(queue, lease[JOB])    -- may raise
            Leases.take(queue, lease)
            Step.unleased(queue)
        else
            Leases.take(queue, lease, true)     -- may raise
            Step.changed(queue)
        end
        return finished_one(lease, queue, receipt_ms, token)
    end

    function moves.correct(queue, lease, how, token)
        local _, _, _, tail = Bodies.parse(Bodies.get(queue, lease[JOB]))
        local cost = tail and tail.c
        if cost then
            Limits.check_cost(cost)
        end
        Leases.take(queue, lease)               -- may raise
        Bodies.remove(queue, lease[JOB])
        Defaults.reach(queue)
        Terms.correct(queue, cost, how[2])
        Charging.correct(Leases.charged_to(lease), cost, how[2])
        Gate.correct(cost, how[2])
        Step.changed(queue)
        return finished_one(lease, queue, how[1], token)
    end

    function moves.release(queue, lease, how)
        local raw = Bodies.get(queue, lease[JOB])
        local requeues, _, payload_at, tail = Bodies.parse(raw)
        local delay, freeze_ms, name, limit_ms = how, nil, nil, nil
        if type(how) == 'table' then
            delay, freeze_ms, name, limit_ms = unpack(how)
        end
        if name and not Charging.is_charged(lease, name) then
            return 'not_charged'
        end
        Returning.come_back(queue, lease, raw, requeues, tail, payload_at, delay, freeze_ms)
        if name then
            Charging.freeze(name, limit_ms)
        end
        Totals.add('released', 1)
        return held(lease)
    end

    function moves.fail(queue, lease, how)
        local raw = Bodies.get(queue, lease[JOB])
        local requeues, _, payload_at, tail = Bodies.parse(raw)
        if how.limit and not Charging.is_charged(lease, how.limit[1]) then
            return 'not_charged'
        end
        if how.error or tail then
            tail = tail or {}
            tail.l = how.error
        end
        if how.dead or requeues == 0 then
            Returning.die(queue, lease, raw, 'failed', tail, payload_at, how.freeze)
        else
            local left, delay, marked = Returning.penalize(requeues, tail)
            Returning.come_back(queue, lease, raw, left, marked, payload_at, how.delay or delay, how.freeze)
        end
        if how.limit then
            Charging.freeze(unpack(how.limit))
        end
        Totals.add('failed', 1)
        return held(lease)
    end

    function moves.extend(queue, lease, lease_ms)
        Leases.extend(queue, lease, now + lease_ms)
        Step.changed(queue)
        return now + lease_ms
    end

    -- Return the lease that is claimed for a job with `token`, or (if that is '') its current one. If there
    -- is none, return nil and 'stale' or 'unknown'.
    local function claim(queue, id, job_id, token)
        local lease = queue and Leases.of(queue, job_id)
        if lease then
            if token == '' or token == lease[TOKEN] then
                return lease
            end
            return nil, 'stale'
        end
        if token ~= '' and ((queue and Bodies.has(queue, job_id)) or Letters.newest(id, job_id)) then
            return nil, 'stale'
        end
        return nil, 'unknown'
    end

    local function settle(at)
        local first = (at - 1) * FIELDS + 1
        local id, job_id, token, name = items[first], items[first + 1], items[first + 2], items[first + 3]
        local queue, move = Queues.load(id), moves[name] or error('there is no move ' .. name)
        local lease, refusal = claim(queue, id, job_id, token)
        if lease then
            reply[at] = move(queue, lease, items[first + 4], token)
        elseif (name == 'finish' or name == 'correct') and token ~= '' and Receipts.has(token, id, job_id) then
            reply[at] = 'ended'     -- a repeated one
        else
            reply[at] = refusal
        end
    end

    local function tell(at, reason)
        reply[at] = reason
    end

    function Settle.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        Receipts.begin(tonumber(args[2]))
        items, reply, finished = {cmsgpack.unpack(args[3])}, {nil}, 0
        Queues.prefetch_of(items, FIELDS)
        guard_each(1, #items / FIELDS, settle, tell)
        Step.write()
        Receipts.write()
        Totals.add('finished', finished)
        Totals.write()
        Wakeups.announce()
        return reply
    end
end

-- Serving: jobs of ready queues are leased, the first of the first queue in line each time, as far as the
-- bounds of the call allow.

local Serving = {}

do
    local TOKEN_LENGTH = 17
    local PAGE = 100
    local MAX_PASSED_OVER = 1000
    local MAX_MOVES, MAX_HEADS = 1000, 1000
    local left_bytes, served_any, is_full, passed_over, broken  -- of this call
    local moves                                 -- how many jobs may still join or die in this call
    local heads                                 -- how many queues may still be found with old defaults
    local expiry, tokens, reply, leased         -- of this take; `leased`: {} if it may be repeated
    local served, wanted, only      -- how many jobs this take got, and wants now; the queue of the latest
    local places, ids, last = {}, {}, 0         -- of this page

    -- Begin a call that ends after so many bytes of payload, and adds damaged queues to a list.
    function Serving.begin(bytes, broken_queues)
        left_bytes, served_any, is_full, broken = bytes, false, false, broken_queues
        moves, heads = MAX_MOVES, MAX_HEADS
    end

    -- Begin a take; its jobs are to be added to a reply.
    function Serving.begin_take(expires_at, fresh_tokens, take_reply, may_be_repeated)
        expiry, tokens, reply, leased = expires_at, fresh_tokens, take_reply, may_be_repeated and {}
        served, only = 0, nil
    end

    -- Return whether a bound on its work ended the call: a job may be ready that it did not find.
    function Serving.is_cut_short()
        return moves == 0
    end

    -- Return whether no further job may be served.
    function Serving.is_full()
        return is_full or moves == 0
    end

    -- Return whether the call has ended early: further takes get nothing.
    function Serving.is_over()
        return is_full or moves == 0 or left_bytes < 0
    end

    -- Note the payloads of a repeated attempt, which comes whole.
    function Serving.hold(bytes)
        left_bytes, served_any = left_bytes - bytes, true
    end

    -- Take a place that is nobody's out of the line. Only a hand in the keys can bring it about.
    local function pass_over(place)
        passed_over = passed_over + 1
        call('ZREM', LINE, place)
    end

    -- Raise if a job with this tail could not be leased.
    local function check_tail(queue, tail)
        if tail.e then
            Ttls.check_ends(queue)
        end
        if tail.c then
            Limits.check_cost(tail.c)
        end
    end

    -- Let due jobs of a queue join and ended ones die. Return whether its first job may go.
    local function make_ready(queue, place)
        local before = moves
        moves = moves - Delays.join(queue, moves)
        moves = moves - Ttls.drop_ended(queue, moves)
        if Ttls.may_go(queue) then
            return true
        elseif moves == before then     -- its place was wrong: only a hand in the keys can bring it about
            passed_over = passed_over + 1
            local ready = Terms.ready_at(queue)
            call('ZADD', LINE, ready < NO_END and integer(ready) or '+inf', place)
        end
        return false
    end

    -- Let a queue take up changed defaults, if it has not. Return whether it may be served.
    local function take_up(queue, number)
        if not Defaults.are_pending(queue) then
            return true
        end
        heads = heads - 1
        if heads == 0 then
            moves = 0       -- the call ends
        end
        Step.changed(queue)
        return heads > 0 and queue[PLACE] == number and Terms.ready_at(queue) <= now
    end

    -- Want no more jobs if the gate is closed.
    local function look_at_gate()
        if Gate.is_closed() then
            wanted = served
        end
    end

    local function pay_at_gate(cost)
        Gate.pay(cost)
        look_at_gate()
    end

    -- Serve the queue at a place of this page, as long as its turn goes on, unless the call is full.
    local function serve(at)
        if is_full or moves == 0 or served == wanted then
            return
        end
        local id, number = ids[at], Line.number_in(places[at])
        local queue = Queues.load(id, true)
        if not queue or (queue[WAITING] == 0 and not queue[DUE_AT]) or queue[PLACE] ~= number then
            return pass_over(places[at])
        end
        if (defaults_version > 0 or (queue[RULES] and queue[FEATURES].v)) and not take_up(queue, number) then
            return
        end
        if (queue[DUE_AT] or queue[ENDS_AT]) and not make_ready(queue, places[at]) then
            return
        end
        local job_id, job_place = queue[HEAD], queue[HEAD_PLACE]
        local raw = Bodies.get(queue, job_id)
        local requeues, attempts, payload_at, tail = Bodies.parse(raw)
        local size = #raw - payload_at + 1
        if served_any and size > left_bytes then
            is_full = true
            return
        end
        if queue[LEASED] > 0 then
            call('ZCARD', Scope.key('leases', id))  -- raises now if it is damaged
        end
        if tail then
            check_tail(queue, tail)     -- likewise
        end
        Waiting.take_head(queue)
        local token = string.sub(tokens, served * TOKEN_LENGTH + 1, (served + 1) * TOKEN_LENGTH)
        Leases.give(queue, token, expiry, job_place % RETURNED, attempts + 1, job_id, tail)
        if tail and tail.e then
            Times.unlist(queue, job_id, job_place % RETURNED)
        end
        if tail or queue[RULES] then
            Terms.pay(queue, tail and tail.c)
        else
            queue[LAST] = now       -- as most do
        end
        Counts.add(queue, DEQUEUES)
        Step.changed(queue, true, nil, last - at + 1)
        served, served_any, left_bytes = served + 1, true, left_bytes - size
        Deliveries.append(reply, queue, job_id, requeues, attempts + 1, payload_at, raw)
        if leased then
            local n = #leased
            leased[n + 1], leased[n + 2], leased[n + 3] = id, job_id, token
        end
        if has_gate then
            pay_at_gate(tail and tail.c)
        end
        if queue[RULES] and queue[PLACE] == number and queue[STANDS] then
            return serve(at)
        end
    end

    local function put_off(at, reason)
        passed_over = passed_over + 1
        call('ZADD', LINE, integer(now + QUARANTINE_MS), places[at])
        note_broken(broken, ids[at], reason)
    end

    -- Serve up to `count` jobs in all.
    function Serving.serve_up_to(count)
        passed_over, wanted = 0, count
        if has_gate then
            look_at_gate()
        end
        while served < wanted and not is_full and moves > 0 and passed_over < MAX_PASSED_OVER do
            local at_once = integer(heads < MAX_HEADS and PAGE or math.min(count - served, PAGE))
            places = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', at_once)
            last = #places
            if last == 0 then
                break
            end
            for at = 1, last do
                ids[at] = Line.id_in(places[at])
            end
            if last > 1 then
                Queues.prefetch(ids, last, true)
            end
            guard_each(1, last, serve, put_off)
            Step.write()
        end
    end

    -- Serve up to `count` jobs in all, of the queues in a list if there is one, and with `together` of one
    -- queue only.
    function Serving.serve_some(count, names, together)
        passed_over, wanted = 0, count
        if has_gate then
            look_at_gate()
        end
        if names then
            Choosing.begin(names)
        end
        while served < wanted and not is_full and moves > 0 and passed_over < MAX_PASSED_OVER do
            local place, id
            if together and only then
                place, id = Choosing.ready_place(only)
            elseif names then
                place, id = Choosing.first_ready()
            else
                place = call('ZRANGE', LINE, '-inf', integer(now), 'BYSCORE', 'LIMIT', '0', '1')[1]
                id = place and Line.id_in(place)
            end
            if not place then
                break
            end
            local before = served
            places, ids[1], last = {place}, id, 1
            guard_each(1, 1, serve, put_off)
            Step.write()
            only = served > before and id or only
            if names and not (together and only) then
                Choosing.look_again(id)
            end
        end
    end

    -- Return how many jobs this take got, and if it may be repeated a list of queue id, job id and token
    -- of each.
    function Serving.served()
        return served, leased
    end
end

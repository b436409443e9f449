-- Serving: jobs of ready queues are leased, the first of the first queue in line each time, as far as the
-- bounds of the call allow.
--
-- The line goes a page at a time. Takes that are served one after the other share a page: where one has all its jobs, the
-- next goes on. At the entry of a shared limit the first queue there is served, of its row (lib/entries.lua), and the entry
-- stands elsewhere afterwards, perhaps in the same page. What a page changes is written at its end.

local Serving = {}

do
    local TOKEN_LENGTH = 17
    local PAGE = 100
    local MAX_PASSED_OVER = 1000
    local MAX_JOINS, MAX_HEADS = 1000, 1000
    local left_bytes, served_any, is_full, passed_over, broken  -- of this call
    local moves                                 -- how many jobs may still join or die in this call
    local heads                                 -- how many queues may still be found with old defaults
    local expiry, tokens, reply, leased         -- of this take; `leased`: {} if it may be repeated
    local served, wanted, only      -- how many jobs this take got, and wants now; the queue of the latest
    local place, row                            -- what goes now: a place, and in which row it stands; nil: in the line
    local page_row                              -- likewise, for all places of this page
    local left                                  -- how many places of this page are left
    local is_page_open                          -- whether a page is served whose changes are not written
    local is_page_over                          -- whether the line is to be read again
    local further                               -- how many takes follow this one

    -- Begin a call that ends after so many bytes of payload, and adds damaged queues to a list.
    function Serving.begin(bytes, broken_queues)
        left_bytes, served_any, is_full, broken = bytes, false, false, broken_queues
        moves, heads = MAX_JOINS, MAX_HEADS
        page_row, is_page_open = nil, false
        if has_shared then
            Entries.begin()
        end
    end

    -- Begin a take that so many others follow; its jobs are to be added to a reply.
    function Serving.begin_take(expires_at, fresh_tokens, take_reply, may_be_repeated, others)
        expiry, tokens, reply, leased = expires_at, fresh_tokens, take_reply, may_be_repeated and {}
        served, only, further = 0, nil, others
    end

    -- Write what was changed since this was called last. The line is read again for what is served next.
    function Serving.write()
        if is_page_open then
            is_page_open = false
            Step.write()
        end
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

    -- Take the place that goes now, and is nobody's, out of the line or out of its row. Only a hand in the keys can bring
    -- it about.
    local function pass_over()
        passed_over = passed_over + 1
        if row then
            Rows.drop(row, place)
        else
            call('ZREM', LINE, place)
        end
    end

    -- Let the place that goes now be ready at another instant.
    local function stand_at(since)
        passed_over = passed_over + 1
        if row then
            Rows.put_off(row, place, since)
        else
            call('ZADD', LINE, since < NO_END and integer(since) or '+inf', place)
        end
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
    local function make_ready(queue)
        local before = moves
        moves = moves - Delays.join(queue, moves)
        moves = moves - Ttls.drop_ended(queue, moves)
        if Ttls.may_go(queue) then
            return true
        elseif moves == before then     -- its place was wrong: only a hand in the keys can bring it about
            stand_at(Terms.ready_at(queue))
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
        is_page_over = has_shared and queue[ROW] ~= row        -- its place is elsewhere now, and may come next
        return not is_page_over and heads > 0 and queue[PLACE] == number and Terms.ready_at(queue) <= now
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

    -- Serve the queue at the place that goes now. It goes again if its turn is not over.
    local function serve(id)
        local number = Line.number_in(place)
        local queue = Queues.load(id, true)
        if not queue or (queue[WAITING] == 0 and not queue[DUE_AT]) or queue[PLACE] ~= number
            or (has_shared and queue[ROW] ~= row) then
            return pass_over()
        end
        if (defaults_version > 0 or (queue[RULES] and queue[FEATURES].v)) and not take_up(queue, number) then
            return
        end
        if (queue[DUE_AT] or queue[ENDS_AT]) and not make_ready(queue) then
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
        if row then
            Charging.charge(row, tail and tail.c)
        end
        Counts.add(queue, DEQUEUES)
        Step.changed(queue, true, nil, left)
        served, served_any, left_bytes = served + 1, true, left_bytes - size
        Deliveries.append(reply, queue, job_id, requeues, attempts + 1, payload_at, raw)
        if leased then
            local n = #leased
            leased[n + 1], leased[n + 2], leased[n + 3] = id, job_id, token
        end
        if has_gate then
            pay_at_gate(tail and tail.c)
        end
        only = id
        if has_shared and not row then
            Pages.note_new(queue)
        end
        if queue[RULES] and queue[PLACE] == number and queue[STANDS] and not row then
            Pages.go_back()
        end
    end

    -- Do what the entry asks for that goes now.
    local function serve_entry()
        local limit = Shared.find(Shared.name_in(place))
        if limit and Entries.is_passed(limit, place) then
            return
        end
        row = Entries.first_row(limit, place)
        if row then
            place = row.first
            serve(Line.id_in(place))
        elseif not Entries.count_move() then
            moves = 0       -- the call ends
        end
    end

    -- Serve what stands at the places of this page.
    local function serve_places()
        while not (is_full or moves == 0 or served == wanted or is_page_over) do
            local id
            place, id, left = Pages.next()
            row = page_row
            if not place then
                return
            elseif not has_shared then
                serve(id)
            else
                if not row and Shared.is_entry(place) then
                    serve_entry()
                else
                    serve(Line.id_in(place))
                end
                Shared.settle((served < wanted or further > 0) and Pages.let_stand or nil)
            end
        end
    end

    -- Put off what goes now, for it is damaged.
    local function put_off(reason)
        stand_at(now + QUARANTINE_MS)
        note_broken(broken, Shared.is_entry(place) and Shared.name_in(place) or Line.id_in(place), reason)
        if has_shared then
            Shared.settle(Pages.let_stand)
        end
    end

    local function serve_page()
        is_page_open, is_page_over = true, false
        guard_all(serve_places, put_off)
        if is_page_over or Pages.is_over() then
            Serving.write()
        end
    end

    -- Return whether there is a page to serve, for so many jobs and for the takes that follow.
    local function has_page(jobs)
        return is_page_open or Pages.read(heads < MAX_HEADS and PAGE or math.min(jobs + further, PAGE))
    end

    -- Serve up to `count` jobs in all. If there are fewer, all changes are written.
    function Serving.serve_up_to(count)
        passed_over, wanted = 0, count
        if has_gate then
            look_at_gate()
        end
        while served < wanted and not is_full and moves > 0 and passed_over < MAX_PASSED_OVER
            and has_page(count - served) do
            serve_page()
        end
        if served < count then
            Serving.write()
        end
    end

    -- Serve up to `count` jobs in all, of the queues in a list if there is one, and with `together` of one
    -- queue only. All changes are written.
    function Serving.serve_some(count, names, together)
        Serving.write()
        passed_over, wanted = 0, count
        if has_gate then
            look_at_gate()
        end
        if names then
            Choosing.begin(names)
        end
        while served < wanted and not is_full and moves > 0 and passed_over < MAX_PASSED_OVER do
            local chosen, since, id
            if together and only then
                chosen, id = Choosing.ready_place(only)
            elseif names then
                chosen, id = Choosing.first_ready()
            else
                chosen, since = Pages.first_in_line()
            end
            if not chosen then
                break
            end
            Pages.take(chosen, since)
            page_row = id and Choosing.row_of(id) or nil
            serve_page()
            page_row = nil
            if names and not (together and only) then
                Choosing.look_again(id)
            end
        end
        Serving.write()
    end

    -- Return how many jobs this take got, and if it may be repeated a list of queue id, job id and token
    -- of each.
    function Serving.served()
        return served, leased
    end
end

-- Terms: when a queue may be dequeued, by its limits and all else that holds it.
--
-- Most queues are plain: they have no limit but one of 1 job per interval, and owe one unit as of `last`. What the
-- others have stands in the tail of their records:
--   s     text of their own settings (lib/rules.lua)
--   t, v  text and version of the defaults of the type that they took up last
--   1 ..  debts of their limits (lib/limits.lua)
--   f     until when they are frozen
--   n     how many deliveries of this turn there were (lib/line.lua)
--   b     the names of the shared limits that were brought, joined by '/' (lib/rows.lua)
--   g     how many of its leases that stand elsewhere are charged to shared limits (lib/charging.lua)
-- The rules of such a queue are those of its settings, and where something is not set, of those defaults.

do
    local is_whole = Limits.is_whole

    -- Find out which shared limits a queue uses that lives, of these names. Raise if one of them is missing or damaged.
    local function find_uses(queue, names)
        local row = names and names ~= '' and not queue[KEPT] and Rows.named(names) or nil
        if row or queue[USES] then      -- to set a field to nil that is not there costs as much as a new one
            queue[USES] = row
        end
    end

    -- Find out by what rules a queue goes. One that is kept uses no shared limits: it may have taken up defaults
    -- that name some which are gone. One with no rules but which shared limits it uses is plain.
    local function find_rules(queue)
        local features = queue[FEATURES]
        local own, taken, rules = features.s, features.t, nil
        if own and taken then
            rules = Rules.with_defaults(Rules.of(own), Rules.of(taken))
        elseif own or taken then
            rules = Rules.of(own or taken)
        end
        local names = rules and rules.uses or features.b
        if not rules or rules.is_plain then
            rules = (features[1] or features.f or features.n or features.v) and (rules or NO_RULES) or false
        end
        queue[RULES] = rules
        if names or queue[USES] then
            find_uses(queue, names)
        end
    end

    -- Return the limits in effect.
    local function limits_in_effect(queue)
        local rules = queue[RULES]
        return rules and rules.limits or Limits.of_interval(queue[INTERVAL])
    end
    Terms.limits = limits_in_effect

    -- Read what shared limits have to do with a queue.
    local function read_shared(queue, lives)
        local charged = queue[FEATURES].g
        if charged then
            Charging.check(charged)
        end
        Naming.check(queue, lives)
        if charged then
            queue[RAW] = false      -- with each lease that ends, more changes than that
        end
    end

    -- Read what stands in the tail of a record, of a queue that lives or of what is kept of one; raises if it is
    -- damaged.
    function Terms.read(queue, lives)
        find_rules(queue)
        if has_shared then
            read_shared(queue, lives)
            Tails.keep(queue)
        end
        local rules, features = queue[RULES], queue[FEATURES]
        if rules then
            local limits, f, n, v = limits_in_effect(queue), features.f, features.n, features.v
            for at = 1, #limits do
                if features[at] and not is_whole(features[at]) then
                    error('its debts are damaged')
                end
            end
            if (f and not is_whole(f)) or (n and not is_whole(n)) or (v and not is_whole(v)) then
                error('its terms are damaged')
            end
            if rules.concurrency then
                queue[RAW] = false      -- with each lease that ends its place may change
            end
        end
    end

    -- Note that what stands in the tail has changed.
    local function changed(queue)
        find_rules(queue)
        queue[RETAILED] = true
    end

    -- Note that what names shared limits is about to change.
    local function about_to_name(queue)
        if has_shared then
            Naming.note(queue)
        end
    end

    -- Note that debts have changed.
    local function owes_otherwise(queue)
        local rules = queue[RULES]
        if not rules or rules == NO_RULES then
            find_rules(queue)
        end
        queue[RETAILED] = true
    end

    local function features_of(queue)
        local features = queue[FEATURES] or {}
        queue[FEATURES] = features
        return features
    end

    -- Return the instant at which every hold of a queue has ended: 0 if none stands, NO_END if only an event ends one.
    local function ready_at(queue)
        local last, interval, due_at, rules = queue[LAST], queue[INTERVAL], queue[DUE_AT], queue[RULES]
        if rules then
            return Holds.ready_at(rules, rules.limits or Limits.of_interval(interval), queue[FEATURES], last,
                queue[LEASED], due_at and queue[WAITING] == 0 and due_at)
        end
        local ready = (last == NEVER or interval == 0) and 0 or last + interval
        if due_at and due_at > ready and queue[WAITING] == 0 then
            return due_at
        end
        return ready
    end
    Terms.ready_at = ready_at

    -- Return a list of the holds of a queue that stand (lib/holds.lua), those of shared limits too; of a job, if it says until when it is delayed
    -- itself, 0 for not at all.
    function Terms.holds(queue, delayed_until)
        local holds = {}
        delayed_until = delayed_until or queue[WAITING] == 0 and queue[DUE_AT]
        Holds.ready_at(queue[RULES] or NO_RULES, limits_in_effect(queue), queue[FEATURES] or {}, queue[LAST],
            queue[LEASED], delayed_until, holds)
        if queue[USES] then
            Using.add_holds(queue[USES], holds)
        end
        return holds
    end

    -- Return whether a queue (false: there is none) is paused.
    function Terms.is_paused(queue)
        return queue and queue[RULES] and queue[RULES].paused
    end

    -- Bring a record that was just read to this call's instant, and note when it was ready: in the past if it
    -- `is_ready`, by its place.
    function Terms.take_up(queue, is_ready)
        local ready = is_ready and 0 or ready_at(queue)
        if queue[LAST] > now then
            local since = not is_ready and queue[STOOD_AT] and Line.since(queue)
            if since and since <= now then      -- its turn went on: its place is from before its latest dequeue
                ready = since
            else
                ready = is_ready and 0 or math.max(ready, queue[LAST])
            end
            queue[LAST], queue[RAW] = now, false
        end
        queue[READY_BEFORE] = ready
    end

    -- Let a queue that was kept go by the rules of one that lives.
    function Terms.revive(queue)
        about_to_name(queue)
        queue[KEPT] = nil
        find_rules(queue)
    end

    -- Return the text of a queue's own settings, '' if it has none.
    function Terms.text(queue)
        return queue[FEATURES] and queue[FEATURES].s or ''
    end

    -- Return the rules of a queue's own settings.
    function Terms.own(queue)
        local features = queue[FEATURES]
        return features and features.s and Rules.of(features.s) or NO_RULES
    end

    -- Return the rules by which jobs are taken into a queue, nil if there is none yet: its own, then the defaults of
    -- the type as they are now.
    function Terms.to_enter(queue)
        if defaults_version > 0 then
            return Defaults.rules_with(queue and Terms.own(queue) or NO_RULES)
        end
        return queue and Terms.own(queue) or NO_RULES
    end

    -- Note a delivery of a job that costs so much (a map, or nil).
    function Terms.pay(queue, cost)
        if queue[RULES] or (cost and queue[INTERVAL] > 0) then
            if Limits.pay(limits_in_effect(queue), features_of(queue), queue[LAST], cost, now) then
                owes_otherwise(queue)
            end
        end
        queue[LAST] = now
    end

    -- Correct what a job paid that cost so much, by what it took (a map).
    function Terms.correct(queue, cost, actual)
        local limits = limits_in_effect(queue)
        if #limits > 0 then
            if Limits.correct(limits, features_of(queue), queue[LAST], cost, actual) then
                owes_otherwise(queue)
            end
            queue[LAST] = now
        end
    end

    -- Bring an interval to a queue.
    function Terms.bring(queue, interval)
        local before = queue[RULES] and not queue[RULES].limits and limits_in_effect(queue)
        queue[INTERVAL] = interval
        if before and Limits.change(before, limits_in_effect(queue), queue[FEATURES], queue[LAST]) then
            owes_otherwise(queue)
        end
    end

    -- Bring shared limits to a queue, by their names in one text, '' for none.
    function Terms.bring_uses(queue, names)
        local features = features_of(queue)
        if (features.b or '') ~= names then
            about_to_name(queue)
            features.b = names ~= '' and names or nil
            changed(queue)
        end
    end

    -- Forget which shared limits were brought to a queue in which no job lives.
    function Terms.forget_uses(queue)
        if queue[FEATURES] and queue[FEATURES].b then
            Terms.bring_uses(queue, '')
        end
    end

    -- Give a queue other settings of its own.
    function Terms.set(queue, text)
        local before, features = limits_in_effect(queue), features_of(queue)
        about_to_name(queue)
        features.s = text ~= '' and text or nil
        find_rules(queue)
        Limits.change(before, limits_in_effect(queue), features, queue[LAST])
        changed(queue)
    end

    -- Let a queue take up defaults of its type, of a version.
    function Terms.adopt(queue, text, version)
        local before, features = limits_in_effect(queue), features_of(queue)
        about_to_name(queue)
        features.t, features.v = text ~= '' and text or nil, version > 0 and version or nil
        find_rules(queue)
        Limits.change(before, limits_in_effect(queue), features, queue[LAST])
        changed(queue)
    end

    -- Freeze a queue until an instant; nil ends a freeze.
    function Terms.freeze(queue, frozen_until)
        features_of(queue).f = frozen_until
        changed(queue)
    end

    -- Freeze a queue for so many ms, unless it is frozen for longer.
    function Terms.freeze_for(queue, freeze_ms)
        local features = features_of(queue)
        if now + freeze_ms > math.max(now, features.f or 0) then
            Terms.freeze(queue, now + freeze_ms)
        end
    end

    -- Return the instant from which on a queue without jobs counts as one that was never dequeued.
    function Terms.owes_until(queue)
        local features = queue[FEATURES]
        if not queue[RULES] then
            return queue[LAST] == NEVER and 0 or queue[LAST] + queue[INTERVAL]
        end
        return math.max(Limits.paid_at(limits_in_effect(queue), features, queue[LAST]), features.f or 0)
    end

    -- Forget the latest dequeue and the interval of a queue without jobs if it owes nothing any more. Return until
    -- when it does.
    function Terms.forget_if_paid(queue)
        local owes_until = Terms.owes_until(queue)
        if owes_until <= now then
            if queue[RULES] then
                Limits.forget(queue[FEATURES], limits_in_effect(queue))
                queue[FEATURES].f = nil
                changed(queue)
            end
            queue[LAST], queue[INTERVAL] = NEVER, 0
        end
        return owes_until
    end

    -- Count a delivery of the turn of a queue. Return whether the turn goes on.
    function Terms.goes_on(queue)
        local features, weight = queue[FEATURES], queue[RULES].weight
        local turn = (features.n or 0) + 1
        if turn < weight then
            features.n, queue[RETAILED] = turn, true
        end
        return turn < weight
    end

    -- Note that a queue has a new place: another turn begins.
    function Terms.begin_turn(queue)
        queue[FEATURES].n, queue[RETAILED] = nil, true
    end
end

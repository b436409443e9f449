-- Defaults: what is set for the queues of a type where they have no settings of their own.
--
-- Changed defaults have a new version; without defaults it is 0. A queue keeps the version and the text that it took
-- up last (lib/terms.lua). It takes up other ones before a step changes it, and before a dequeue serves it. `tend`
-- walks over all places, so that all do. While a walk is under way, a key of the type has the position that it has come
-- to (lib/walking.lua).

do
    local text              -- of the defaults of the type of this call

    function Defaults.begin(its_text, version)
        text, defaults_version = its_text, its_text == '' and 0 or version
    end

    -- Return the text of the defaults as they are now, '' without any. `text` may still be that of another type.
    local function present()
        return defaults_version > 0 and text or ''
    end

    -- Return the rules of own settings, and where something is not set, those of the defaults as they are now.
    function Defaults.rules_with(own)
        return Rules.with_defaults(own, Rules.of(present()))
    end

    -- Return whether a queue has not taken up the defaults as they are now.
    function Defaults.are_pending(queue)
        local features = queue[FEATURES]
        return (features and features.v or 0) ~= defaults_version
    end

    -- Raise if a queue could not take up the defaults as they are now, since the shared limits that they name are
    -- damaged.
    function Defaults.check(queue)
        local names = defaults_version > 0 and Naming.in_settings(text) or ''
        if names ~= '' and Defaults.are_pending(queue) then
            Rows.named(names)
        end
    end

    -- Let a queue take up the defaults as they are now. It is a part of a step that changes the queue.
    function Defaults.reach(queue)
        if Defaults.are_pending(queue) then
            Terms.adopt(queue, present(), defaults_version)
        end
    end

    -- Let a queue that comes into being take up the defaults as they are now. A type without queues may have forgotten
    -- its version: then that of this queue may be the present one, but of another text.
    function Defaults.reach_new(queue)
        local features = queue[FEATURES]
        if Defaults.are_pending(queue) or (features and features.t or '') ~= present() then
            Terms.adopt(queue, present(), defaults_version)
        end
    end

    -- Return whether a walk is under way.
    function Defaults.are_spreading()
        return call('EXISTS', WALK) == 1
    end

    -- Let `tend` walk over all places from the beginning.
    function Defaults.begin_walk()
        if call('EXISTS', LINE) == 1 or (has_shared and call('EXISTS', ROWS) == 1) then
            call('SET', WALK, cmsgpack.pack('', '', ''))
            call('ZADD', DUE, 'LT', integer(now), Scope.type_name())
        end
    end

    local function is_position(since, place, row)
        return type(since) == 'string' and type(place) == 'string' and type(row) == 'string'
            and (place == '' or tonumber(since) ~= nil)
    end

    -- Return the position that the walk has come to, nil if none is under way. One that is damaged begins again.
    local function walked_to()
        local raw = try('GET', WALK)
        if not raw then
            return nil
        end
        local fine, since, place, row = pcall(cmsgpack.unpack, raw)
        if not fine or not is_position(since, place, row or '') then
            call('UNLINK', WALK)
            return '', '', ''
        end
        return since, place, row or ''
    end

    local function reach_at(place, row)
        local queue = Line.owner(place, row)
        if queue and Defaults.are_pending(queue) then
            Step.changed(queue)
        end
        return true
    end

    -- Go on with the walk, if one is under way: look at up to `limit` places. Add damaged queues, each with the
    -- reason, to `broken`. Return how many there were, and whether there are more.
    function Defaults.walk(limit, broken)
        local since, place, row = walked_to()
        if not since then
            return 0, false
        end
        local looked_at
        looked_at, since, place, row = Walking.go_on(since, place, row, limit, false, reach_at, broken)
        if not row then
            call('UNLINK', WALK)
            return looked_at, false
        end
        call('SET', WALK, cmsgpack.pack(since, place, row))
        return looked_at, true
    end
end

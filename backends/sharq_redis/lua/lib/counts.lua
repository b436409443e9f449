-- Minute counts: enqueues and dequeues of the last ten minutes, of a queue and of a type.
--
-- Those of a queue stand in its record: the minute that was counted last by itself, the others as 12
-- bytes each (big-endian minute, enqueues, dequeues) in their order. Where the clock has stepped back,
-- some lie ahead. Those of a type are fields of one hash a minute that its bucket's types share,
-- e/<type> and d/<type>. Who asks for the counts of everything adds them up.

local COUNTED_MINUTES = 10

do
    local BYTES = 12

    -- Let a queue count this minute from now on, and keep the others that count, or will.
    local function turn_to_minute(queue)
        local counted, others = {{queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES]}}, queue[OTHERS]
        for at = 1, #others, BYTES do
            counted[#counted + 1] = {struct.unpack('>I4I4I4', others, at)}
        end
        table.sort(counted, function(one, other) return one[1] < other[1] end)
        local enqueues, dequeues, kept = 0, 0, {}
        for _, that in ipairs(counted) do
            if that[1] == minute then
                enqueues, dequeues = that[2], that[3]
            elseif that[1] > minute - COUNTED_MINUTES and that[2] + that[3] > 0 then
                kept[#kept + 1] = struct.pack('>I4I4I4', that[1], that[2], that[3])
            end
        end
        queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES] = minute, enqueues, dequeues
        queue[OTHERS] = table.concat(kept)
    end

    -- Count one enqueue or dequeue of a queue.
    function Counts.add(queue, what)
        if queue[MINUTE] ~= minute then
            turn_to_minute(queue)
        end
        queue[what] = queue[what] + 1
    end

    -- Return the instant from which on nobody can ask for the counts of a queue.
    function Counts.asked_until(queue)
        local latest, others = queue[MINUTE], queue[OTHERS]
        if others ~= '' then
            latest = math.max(latest, (struct.unpack('>I4', others, #others - BYTES + 1)))
        elseif queue[ENQUEUES] + queue[DEQUEUES] == 0 then
            return 0
        end
        return (latest + COUNTED_MINUTES) * MINUTE_MS
    end

    function Counts.forget(queue)
        queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES], queue[OTHERS] = 0, 0, 0, ''
    end

    -- Put the counts of a queue into a reply: minute, enqueues, dequeues for each minute.
    function Counts.append(reply, queue)
        reply[#reply + 1] = queue[MINUTE]
        reply[#reply + 1], reply[#reply + 2] = queue[ENQUEUES], queue[DEQUEUES]
        local others = queue[OTHERS]
        for at = 1, #others, BYTES do
            local that, enqueues, dequeues = struct.unpack('>I4I4I4', others, at)
            reply[#reply + 1] = that
            reply[#reply + 1], reply[#reply + 2] = enqueues, dequeues
        end
    end

    -- Return the counts of the type, as `append` puts them. What is no number is 0.
    function Counts.of_type()
        local counts, name = {}, Scope.type_name()
        for that = minute - COUNTED_MINUTES + 1, minute do
            local found = try('HMGET', Scope.bucket_key('minutes', integer(that)), 'e/' .. name, 'd/' .. name)
            counts[#counts + 1] = that
            counts[#counts + 1] = tonumber(found[1] or 0) or 0
            counts[#counts + 1] = tonumber(found[2] or 0) or 0
        end
        return counts
    end

    local named, bucket, name       -- the minute and the bucket of the latest call, and the key of their counts

    -- Return the key of this minute. To make it takes longer than to keep it.
    local function key_of_minute()
        if named ~= minute or bucket ~= TYPES then
            named, bucket, name = minute, TYPES, Scope.bucket_key('minutes', integer(minute))
        end
        return name
    end

    -- Count for the type. `what` is 'e' or 'd'. A damaged counter stops nothing.
    function Counts.add_to_type(what, amount)
        if amount == 0 then
            return
        end
        local key, field = key_of_minute(), what .. '/' .. Scope.type_name()
        if try('HINCRBY', key, field, integer(amount)) == amount then
            keep(key, COUNTED_MINUTES * MINUTE_MS + MINUTE_MS + GRACE_MS)
        end
    end
end

-- The minute counts of queues and of their type.

-- Let a queue count this minute from now on, and keep the other minutes that count, or will: where
-- the clock has stepped back some lie ahead, and this one may have been counted before.
local function turn_to_minute(queue)
    local counted = {{queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES]}}
    local others = queue[OTHERS] or ''
    for at = 1, #others, 12 do
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
    queue[OTHERS] = kept[1] and table.concat(kept)
end

local function count(queue, what)
    if queue[MINUTE] ~= minute then
        turn_to_minute(queue)
    end
    queue[what] = queue[what] + 1
end

-- Count for the whole type. `what` is 'e' or 'd'.
local function count_for_type(what, amount)
    if amount > 0 then
        local key = key_of('minutes', integer(minute))
        -- A broken counter must not stop what is counted.
        if redis.pcall('HINCRBY', key, what, amount) == amount then
            keep(key, COUNTED_MS + MINUTE_MS + GRACE_MS)
        end
    end
end

-- The line of a type: the places of its queues where jobs wait. Needs records.

local first_since = math.huge      -- of the places in line that this script gave
local is_clock_noted = false

-- Give a queue a new place, and note when: should the clock step back, reclaim then finds out.
local function enter_line(id, queue, since, number)
    queue[PLACE] = number
    local place = numbered(number, id)
    if is_clock_noted then
        call('ZADD', LINE, since, place)
    else
        call('ZADD', LINE, 'GT', since, place, CLOCK_AT + now, CLOCK)
        is_clock_noted = true
    end
    first_since = math.min(first_since, since)
end

-- Tell those who wait for jobs of the type of the new places in line.
local function wake()
    if first_since < math.huge then
        -- What is written stands, also where this user of Redis may not publish.
        redis.pcall('PUBLISH', CHANNEL, integer(math.max(0, first_since - now)))
    end
end

-- Let the place of a queue where jobs wait be what its rate says. `number` is for its place, if it
-- needs a new one.
local function set_place_anew(id, queue, number)
    local place = numbered(queue[PLACE], id)
    local since = tonumber(call('ZSCORE', LINE, place))
    local allowed = allowed_at(queue)
    if allowed > now then
        if since ~= allowed then
            call('ZADD', LINE, allowed, place)
            call('ZADD', LINE, 'GT', CLOCK_AT + now, CLOCK)
            first_since = math.min(first_since, allowed)
        end
    elseif not since or since > now then
        call('ZREM', LINE, place)
        enter_line(id, queue, now, number)
    end
end

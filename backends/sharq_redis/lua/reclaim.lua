#!lua flags=allow-oom
-- End expired leases by (expiry, queue id, number), forget rates that are paid off, and, after the
-- clock has stepped back, set places anew that lie too far ahead.
-- ARGV  2 how many of each at most, 3 the reason for dead letters
-- Reply how many went back, how many died, 1 if there is more to do at once, 1 if the type needs
--       no further pass, the broken queues, each with the reason

local limit, reason = tonumber(ARGV[2]), ARGV[3]
local broken = {}
local requeued, dead = 0, 0

local function die(id, queue, job_id, attempts, payload)
    local letters = key_of('dead', id)
    local letter = call('HINCRBY', letters, '#', 1)
    call('HSET', letters, '#' .. letter,
        cmsgpack.pack(job_id, reason, now, attempts, queue[INTERVAL]) .. payload)
    call('HINCRBY', letters, job_id, 1)
    call('ZADD', key_of('deaths', id), now, integer(letter))
end

-- Raise an error if a job could not die, before anything is written.
local function check_letters(id, job_id)
    must_be('zset', key_of('deaths', id))
    for _, counter in ipairs(call('HMGET', key_of('dead', id), '#', job_id)) do
        if counter and not tonumber(counter) then
            error('its dead letters are damaged', 0)
        end
    end
end

local function reclaim(id, number)
    local first = call('ZRANGE', key_of('leases', id), 0, 0, 'WITHSCORES')
    if not first[1] then
        call('ZREM', EXPIRING, id)
        return true
    end
    local jobs, job_id = key_of('jobs', id), name_of(first[1])
    local job_number, expiry = number_of(first[1]), tonumber(first[2])
    local job, raw = unpack(call('HMGET', jobs, job_id, '=' .. job_id))
    local lease = raw and unpack_lease(raw)
    local queue = load_queue(id)
    if not (job and lease and queue) then
        error('lease of ' .. job_id .. ' without its job')
    end
    local requeues, _, payload_at = unpack_job(job)
    local payload = string.sub(job, payload_at)
    local attempts = lease[4]
    if requeues == 0 then
        check_letters(id, job_id)
    else
        check_return(id, queue)
    end
    local more_leases = drop_lease(id, job_id, expiry, job_number)
    if requeues == 0 then
        die(id, queue, job_id, attempts, payload)
        call('HDEL', jobs, job_id, '=' .. job_id)
        if queue[LENGTH] == 0 and not more_leases then
            cease(id, queue)
        end
        dead = dead + 1
    else
        requeues = requeues > 0 and requeues - 1 or requeues
        come_back(id, queue, job_id, requeues, attempts, payload, job_number, number)
        requeued = requeued + 1
    end
    return true
end

local function first_expired()
    return call('ZRANGE', EXPIRING, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
end

local id = first_expired()
local number = id and reserve_numbers(limit)
for turn = 1, limit do
    if not id then
        break
    end
    local outcome, reason = guarded(reclaim, id, number + turn)
    if not outcome then
        call('ZADD', EXPIRING, now + QUARANTINE_MS, id)
        broken[#broken + 1], broken[#broken + 2] = id, reason
    end
    id = first_expired()
end

-- Forget the rate that a queue left behind, and the queue, if its counts are not needed either.
local function forget_rate(left)
    local key = key_of('left', left)
    local raw = call('GET', key)
    local needed_until = raw and counts_until(unpack_record(raw)) or 0
    if needed_until <= now then
        call('DEL', key)
        call('ZREM', IDLE, left)
    elseif own_time then
        call('ZREM', IDLE, left) -- it expires
    else
        call('ZADD', IDLE, needed_until, left)
    end
    return true
end

local paid = call('ZRANGE', IDLE, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
for _, left in ipairs(paid) do
    local outcome, reason = guarded(forget_rate, left)
    if not outcome then
        call('UNLINK', key_of('left', left))
        call('ZREM', IDLE, left)
        broken[#broken + 1], broken[#broken + 2] = left, reason
    end
end

-- Set a place anew if it lies further ahead than its queue's rate says.
local function set_anew(place, since, number)
    local queue_id = name_of(place)
    local queue = load_queue(queue_id)
    if not queue or queue[LENGTH] == 0 or number_of(place) ~= queue[PLACE] then
        call('ZREM', LINE, place)
    elseif since > math.max(now, allowed_at(queue)) then
        set_place_anew(queue_id, queue, number)
        save_queue(queue_id, queue)
    end
    return true
end

-- Return the next places to look at, each with its ready since.
local function places_ahead(seen)
    local since, place = cmsgpack.unpack(seen)
    local first
    if place == '' then
        first = call('ZCOUNT', LINE, '-inf', since)
    else -- the place itself may have moved: this one sorts next to where it stood
        local mark = place .. '\0'
        call('ZADD', LINE, since, mark)
        first = call('ZRANK', LINE, mark)
        call('ZREM', LINE, mark)
    end
    return call('ZRANGE', LINE, first, first + limit - 1, 'WITHSCORES')
end

-- Return whether there are more places to look at.
local function look_ahead()
    local ahead = tag .. ':ahead'
    local latest = tonumber(call('ZSCORE', LINE, CLOCK))
    if latest and latest > CLOCK_AT + now then
        call('ZADD', LINE, CLOCK_AT + now, CLOCK)
        call('SET', ahead, cmsgpack.pack(now, ''))
    end
    local seen = redis.pcall('GET', ahead)
    if not seen then
        return false
    end
    local places = guarded(places_ahead, seen) or places_ahead(cmsgpack.pack(now, ''))
    local is_through = #places < 2 * limit
    if places[#places - 1] == CLOCK then
        places[#places], places[#places - 1] = nil, nil
    end
    local number_ = places[1] and reserve_numbers(#places / 2)
    for at = 1, #places, 2 do
        local outcome, reason = guarded(set_anew, places[at], tonumber(places[at + 1]),
            number_ + (at + 1) / 2)
        if not outcome then
            broken[#broken + 1], broken[#broken + 2] = name_of(places[at]), reason
        end
    end
    if not is_through and places[1] then
        call('SET', ahead, cmsgpack.pack(tonumber(places[#places]), places[#places - 1]))
        return true
    end
    call('UNLINK', ahead)
    return false
end

local are_doubtful = look_ahead()
local more = (id or #paid == limit or are_doubtful) and 1 or 0
local done = call('EXISTS', QUEUES, IDLE) == 0
forget_numbers()
wake()
return {requeued, dead, more, done and 1 or 0, broken}

#!lua flags=allow-oom
-- Lease ready jobs, the first of the first ready queue in line each time.
-- ARGV  2 how many at most, 3 lease time in ms, 4 as many tokens of 16 characters in a row,
--       5 bytes of payload that end the batch, 6 attempt id or ''
-- Reply the time, next_ready_at or -1, the broken queues, each with the reason, when the leases
--       expire, the tokens of a repeated attempt in a row or '' (then they are the first of
--       ARGV[4]), then for each job: queue id, job id, requeues remaining, attempt, jobs waiting
--       behind it, where the payload begins, the job with its payload

local wanted, lease_ms, tokens = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local max_bytes, attempt_id = tonumber(ARGV[5]), ARGV[6]
local TOKEN = 16
local PAGE = 100
local MAX_PASSED_OVER = 1000
local SERVED, FULL, NOTHING_THERE = 1, 2, 3
local broken = {}
local expiry = now + lease_ms
local reply = {now, -1, broken, expiry, ''}
local served, bytes = 0, 0
local taken = {}        -- for an attempt: queue id, job id, token, ...

local function add_to_reply(id, job_id, requeues, attempt, length, payload_at, job)
    local at = #reply
    reply[at + 1], reply[at + 2], reply[at + 3] = id, job_id, requeues
    reply[at + 4], reply[at + 5] = attempt, length
    reply[at + 6], reply[at + 7] = payload_at, job
end

-- Put a job of an earlier attempt into the reply, if its lease still stands. Return whether it does.
local function repeat_job(id, job_id, token)
    local job, raw = unpack(call('HMGET', key_of('jobs', id), job_id, '=' .. job_id))
    local lease = raw and unpack_lease(raw)
    if not (job and lease and lease[1] == token) then
        return false
    end
    local requeues, _, payload_at = unpack_job(job)
    add_to_reply(id, job_id, requeues, lease[4], load_queue(id)[LENGTH], payload_at, job)
    return true
end

-- Return what an earlier attempt with this id got, as it was remembered; nil if nothing was.
local function earlier_attempt()
    local raw = call('GET', key_of('attempt', attempt_id))
    local before = raw and {cmsgpack.unpack(raw)}
    return before and type(before[1]) == 'number' and before[1] > now and before
end

-- Put the jobs of an earlier attempt with this id, as far as their leases still stand, into the
-- reply. Return whether there are any.
local function repeat_attempt()
    local before = guarded(earlier_attempt)
    if not before then
        return false
    end
    local again = {}
    for at = 2, #before, 3 do
        if guarded(repeat_job, before[at], before[at + 1], before[at + 2]) then
            again[#again + 1] = before[at + 2]
        end
    end
    reply[4], reply[5] = before[1], table.concat(again)
    return #again > 0
end

local function remember_attempt()
    local record = {}
    for first = 1, #taken, 1000 do
        record[#record + 1] = cmsgpack.pack(unpack(taken, first, math.min(first + 999, #taken)))
    end
    set_to_expire(key_of('attempt', attempt_id), cmsgpack.pack(expiry) .. table.concat(record),
        lease_ms + GRACE_MS)
end

if attempt_id ~= '' and repeat_attempt() then
    return reply
end
reply[4] = expiry

-- Let `following`, {job id, its place}, be the head of a queue; nothing waits if it is empty.
local function advance(queue, following)
    if following[1] then
        queue[LENGTH] = queue[LENGTH] - 1
        queue[HEAD], queue[HEAD_PLACE] = following[1], tonumber(following[2])
    else
        queue[LENGTH], queue[HEAD], queue[HEAD_PLACE] = 0, '', 0
    end
end

-- Take the next waiting job of a queue out of `rest`, and put its head among the leases. Return the
-- next one, {} if there is none. If a key is broken, nothing is changed.
local function swap_head(id, queue, lease)
    local rest = key_of('rest', id)
    local following = queue[LENGTH] > 1 and call('ZPOPMIN', rest) or {}
    local added = redis.pcall('ZADD', key_of('leases', id), expiry, lease)
    if type(added) == 'table' then
        if following[1] then
            call('ZADD', rest, following[2], following[1])
        end
        error(added)
    end
    return following
end

-- Serve the queue at `place`. Return SERVED, or FULL if its job is too large for this batch, or
-- NOTHING_THERE if nothing waits in it, or its place is another, which only a hand in the keys can
-- bring about.
local function serve(place, number)
    local id = name_of(place)
    local queue = load_queue(id)
    if not queue or queue[LENGTH] == 0 or number_of(place) ~= queue[PLACE] then
        call('ZREM', LINE, place)
        return NOTHING_THERE
    end
    local jobs, job_id, job_place = key_of('jobs', id), queue[HEAD], queue[HEAD_PLACE]
    local job = call('HGET', jobs, job_id)
    local is_lone = not job
    if is_lone then
        job = call('GET', key_of('only', id))
    end
    if not job then
        error('job ' .. job_id .. ' is missing')
    end
    local requeues, attempts, payload_at = unpack_job(job)
    local size = #job - payload_at + 1
    if served > 0 and bytes + size > max_bytes then
        return FULL
    end

    local token = string.sub(tokens, served * TOKEN + 1, (served + 1) * TOKEN)
    local job_number = job_place % RETURNED
    local following = swap_head(id, queue, numbered(job_number, job_id))
    if is_lone then
        call('HSET', jobs, job_id, job)
        call('DEL', key_of('only', id))
    end
    call('HSET', jobs, '=' .. job_id, cmsgpack.pack(token, expiry, job_number, attempts + 1))
    call('ZADD', EXPIRING, 'LT', expiry, id)
    advance(queue, following)
    call('ZREM', LINE, place)
    queue[LAST] = now
    if queue[LENGTH] > 0 then
        enter_line(id, queue, now + queue[INTERVAL], number)
    end
    count(queue, DEQUEUES)
    save_queue(id, queue)

    served, bytes = served + 1, bytes + size
    add_to_reply(id, job_id, requeues, attempts + 1, queue[LENGTH], payload_at, job)
    if attempt_id ~= '' then
        local at = #taken
        taken[at + 1], taken[at + 2], taken[at + 3] = id, job_id, token
    end
    return SERVED
end

local full, passed_over = false, 0
while served < wanted and not full and passed_over < MAX_PASSED_OVER do
    local limit = math.min(wanted - served, PAGE)
    local places = call('ZRANGE', LINE, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
    if not places[1] then
        break
    end
    local number = reserve_numbers(#places)
    for i, place in ipairs(places) do
        local outcome, reason = guarded(serve, place, number + i)
        if outcome == FULL then
            full = true
            break
        elseif outcome ~= SERVED then
            passed_over = passed_over + 1
        end
        if not outcome then
            call('ZADD', LINE, now + QUARANTINE_MS, place)
            broken[#broken + 1], broken[#broken + 2] = name_of(place), reason
        end
    end
end

count_for_type('d', served)
if taken[1] then
    remember_attempt()
end
if served < wanted then
    local waiting = call('ZRANGE', LINE, 0, 0, 'WITHSCORES')
    local leased = call('ZRANGE', EXPIRING, 0, 0, 'WITHSCORES')
    local since = waiting[1] ~= CLOCK and tonumber(waiting[2]) or math.huge
    local first = math.min(since, tonumber(leased[2]) or math.huge)
    if first < math.huge then
        reply[2] = math.max(now, first)
    end
end
return reply

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

-- Put the jobs of an earlier attempt with this id, as far as their leases still stand, into the
-- reply. Return whether there are any.
local function repeat_attempt()
    local raw = call('GET', key_of('attempt', attempt_id))
    local before = raw and {cmsgpack.unpack(raw)}
    if not before or before[1] <= now then
        return false
    end
    local again = {}
    for at = 2, #before, 3 do
        local id, job_id, token = before[at], before[at + 1], before[at + 2]
        local job, raw_lease = unpack(call('HMGET', key_of('jobs', id), job_id, '=' .. job_id))
        local lease = raw_lease and {cmsgpack.unpack(raw_lease)}
        if job and lease and lease[1] == token then
            local requeues, _, payload_at = unpack_job(job)
            local length = load_queue(id)[LENGTH]
            add_to_reply(id, job_id, requeues, lease[4], length, payload_at, job)
            again[#again + 1] = token
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
    call('SET', key_of('attempt', attempt_id), cmsgpack.pack(expiry) .. table.concat(record), 'PX',
        integer(lease_ms + GRACE_MS))
end

if attempt_id ~= '' and repeat_attempt() then
    return reply
end
reply[4] = expiry

-- Let the next waiting job of a queue be its head.
local function advance(id, queue)
    queue[LENGTH] = queue[LENGTH] - 1
    if queue[LENGTH] > 0 then
        local first = call('ZPOPMIN', key_of('rest', id))
        if first[1] then
            queue[HEAD], queue[HEAD_PLACE] = first[1], tonumber(first[2])
            return
        end
    end
    queue[LENGTH], queue[HEAD], queue[HEAD_PLACE] = 0, '', 0
end

-- Serve the queue at `place`. Return SERVED, or FULL if its job is too large for this batch, or
-- NOTHING_THERE if nothing waits in it, which only a hand in the keys can bring about.
local function serve(place, number)
    local id = name_of(place)
    local queue = load_queue(id)
    if not queue or queue[LENGTH] == 0 then
        call('ZREM', LINE, place)
        return NOTHING_THERE
    end
    local jobs, job_id, job_place = key_of('jobs', id), queue[HEAD], queue[HEAD_PLACE]
    local job = call('HGET', jobs, job_id) or call('GET', key_of('only', id))
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
    call('ZADD', key_of('leases', id), expiry, numbered(job_number, job_id))
    if queue[LENGTH] == 1 then
        join_the_others(id, queue)
    end
    call('HSET', jobs, '=' .. job_id, cmsgpack.pack(token, expiry, job_number, attempts + 1))
    call('ZADD', EXPIRING, 'LT', expiry, id)
    advance(id, queue)
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
    local first = math.min(tonumber(waiting[2]) or math.huge, tonumber(leased[2]) or math.huge)
    if first < math.huge then
        reply[2] = math.max(now, first)
    end
end
return reply

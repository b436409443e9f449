#!lua flags=allow-oom
-- Lease ready jobs, the first of the first ready queue in line each time.
-- ARGV  2 how many at most, 3 lease time in ms, 4 as many tokens of 16 characters in a row,
--       5 bytes of payload that end the batch
-- Reply the time, next_ready_at or -1, which queues are broken and why, then for each job: queue id,
--       job id, requeues remaining, attempt, jobs waiting behind it, where the payload begins,
--       the job with its payload

local wanted, lease_ms, tokens, max_bytes = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4],
    tonumber(ARGV[5])
local PAGE = 100
local FIELDS_A_JOB = 7
local SERVED, FULL = 1, 2
local broken = {}
local reply = {integer(now), -1, broken}
local served, bytes = 0, 0

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

-- Serve the queue at `place`. Return SERVED, or FULL if its job is too large for this batch.
local function serve(place, number)
    local id = name_of(place)
    local queue = load_queue(id)
    if not queue or queue[LENGTH] == 0 then
        call('ZREM', LINE, place)
        return SERVED
    end
    local jobs, job_id, job_place = key_of('jobs', id), queue[HEAD], queue[HEAD_PLACE]
    local job = call('HGET', jobs, job_id)
    if not job then
        error('job ' .. job_id .. ' is missing')
    end
    local requeues, attempts, payload_at = unpack_job(job)
    local size = #job - payload_at + 1
    if served > 0 and bytes + size > max_bytes then
        return FULL
    end

    local token = string.sub(tokens, served * 16 + 1, served * 16 + 16)
    local expiry, job_number = now + lease_ms, job_place % RETURNED
    call('ZADD', key_of('leases', id), expiry, numbered(job_number, job_id))
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
    local at = #reply
    reply[at + 1], reply[at + 2], reply[at + 3] = id, job_id, integer(requeues)
    reply[at + 4], reply[at + 5] = integer(attempts + 1), queue[LENGTH]
    reply[at + FIELDS_A_JOB - 1], reply[at + FIELDS_A_JOB] = payload_at, job
    return SERVED
end

local full = false
while served < wanted and not full do
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
        elseif not outcome then
            call('ZADD', LINE, now + QUARANTINE_MS, place)
            broken[#broken + 1] = name_of(place) .. ': ' .. reason
        end
    end
end

count_for_type('d', served)
if served == 0 then
    local waiting = call('ZRANGE', LINE, 0, 0, 'WITHSCORES')
    local leased = call('ZRANGE', EXPIRING, 0, 0, 'WITHSCORES')
    local first = math.min(tonumber(waiting[2]) or math.huge, tonumber(leased[2]) or math.huge)
    if first < math.huge then
        reply[2] = integer(math.max(now, first))
    end
end
return reply

#!lua flags=allow-oom
-- End expired leases by (expiry, queue id, number), and forget rates that are paid off.
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

local function reclaim(id, number)
    local first = call('ZRANGE', key_of('leases', id), 0, 0, 'WITHSCORES')
    if not first[1] then
        call('ZREM', EXPIRING, id)
        return true
    end
    local jobs, job_id = key_of('jobs', id), name_of(first[1])
    local job_number, expiry = number_of(first[1]), tonumber(first[2])
    local job, lease = unpack(call('HMGET', jobs, job_id, '=' .. job_id))
    local queue = load_queue(id)
    if not (job and lease and queue) then
        error('lease of ' .. job_id .. ' without its job')
    end
    local requeues, _, payload_at = unpack_job(job)
    local payload = string.sub(job, payload_at)
    local _, _, _, attempts = cmsgpack.unpack(lease)
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

local paid = call('ZRANGE', IDLE, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
for _, left in ipairs(paid) do
    local key = key_of('left', left)
    local raw = call('GET', key)
    if raw and counts_until({cmsgpack.unpack(raw)}) <= now then
        call('DEL', key)
    end
    call('ZREM', IDLE, left)
end

local more = (id or #paid == limit) and 1 or 0
local done = call('EXISTS', QUEUES, IDLE) == 0
if call('EXISTS', QUEUES) == 0 then
    call('DEL', NUMBER)
end
wake()
return {requeued, dead, more, done and 1 or 0, broken}

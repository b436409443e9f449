-- What every script shares: the key map, the formats, and the moves that several verbs make.
--
-- KEYS, the same for every script, all under the tag {prefix:type}:
--   1 {tag}:queues             hash    queue id -> record, the queues that exist
--   2 {tag}:line               zset    place -> ready since, the queues where jobs wait
--   3 {tag}:expiring           zset    queue id -> its first lease's expiry
--   4 {tag}:idle               zset    queue id -> when the rate it left behind is paid off
--   5 {tag}:number             string  the latest job or place number; gone with the last queue
--   6 {tag}:wake:<database>    no key: the channel on which scripts that gave queues a new place in
--                              line say in how many ms the first of those places may be ready. All
--                              databases of a Redis share its channels.
-- Keys of single queues, minutes and receipts, named by key_of() alone:
--   {tag}:jobs:<queue>         hash    job id -> job; "=" job id -> lease, while it is leased
--   {tag}:only:<queue>         string  the job of a queue that has had no other yet, and waits
--   {tag}:rest:<queue>         zset    job id -> its place, the jobs that wait behind the head
--   {tag}:leases:<queue>       zset    number and job id -> expiry
--   {tag}:left:<queue>         string  record of a queue that ceased to exist; expires
--   {tag}:dead:<queue>         hash    "#" number -> dead letter; job id -> how many; "#" -> latest
--   {tag}:deaths:<queue>       zset    number of a dead letter -> when it died
--   {tag}:minutes:<minute>     hash    e, d -> the type's enqueues and dequeues; expires
--   {tag}:receipts:<0 to 15>   zset    token:queue id:job id -> until when it is kept; expires
--   {tag}:attempt:<id>         string  attempt, of a dequeue that may be repeated; expires
-- Formats (cmsgpack values one after the other):
--   record  interval, last (0: never), place number, jobs waiting, the head's place, the head's
--           job id, then the minute counts: minute, enqueues, dequeues, and, if there are any,
--           the earlier minutes as 12 bytes each (big-endian minute, enqueues, dequeues)
--   job     requeues remaining, attempts, then the payload as it came
--   attempt expiry, then queue id, job id, token of each job it got
--   lease   token, expiry, the job's number, attempt
--   place   number as 6 bytes, big-endian, so that it sorts; then the queue id
-- ARGV[1] is the time in ms, or '' for the server's own.

local QUEUES, LINE, EXPIRING, IDLE, NUMBER = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local CHANNEL = KEYS[6]
local INTERVAL, LAST, PLACE, LENGTH, HEAD_PLACE, HEAD = 1, 2, 3, 4, 5, 6
local MINUTE, ENQUEUES, DEQUEUES, EARLIER = 7, 8, 9, 10

local RETURNED = 2 ^ 52         -- a job that came back stands at its number less this
local MINUTE_MS = 60000
local COUNTED_MS = 600000       -- how far back minute counts reach
local GRACE_MS = 60000          -- by how much an expiry outlasts what it guards
local QUARANTINE_MS = 60000     -- how long a queue whose keys are broken is left alone

local call = redis.call
local tag = string.match(KEYS[1], '^(.-})')

local now = tonumber(ARGV[1])
if not now then
    local time = call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local minute = math.floor(now / MINUTE_MS)

local function integer(number)
    return string.format('%d', number)
end

local function key_of(kind, name)
    return tag .. ':' .. kind .. ':' .. name
end

-- Reserve `count` numbers and return the one before the first.
local function reserve_numbers(count)
    return call('INCRBY', NUMBER, count) - count
end

local function numbered(number, name)
    return struct.pack('>I6', number) .. name
end

local function number_of(member)
    return (struct.unpack('>I6', member))
end

local function name_of(member)
    return string.sub(member, 7)
end

-- Records ---------------------------------------------------------------------------------------

local function load_queue(id)
    local raw = call('HGET', QUEUES, id)
    return raw and {cmsgpack.unpack(raw)}
end

local function pack_record(queue)
    return cmsgpack.pack(unpack(queue))
end

local function save_queue(id, queue)
    call('HSET', QUEUES, id, pack_record(queue))
end

local function allowed_at(queue)
    return queue[LAST] == 0 and 0 or queue[LAST] + queue[INTERVAL]
end

local function counts_until(queue)
    return queue[MINUTE] == 0 and 0 or queue[MINUTE] * MINUTE_MS + COUNTED_MS
end

local function count(queue, what)
    if queue[MINUTE] < minute then
        if queue[MINUTE] > 0 then
            local earlier = struct.pack('>I4I4I4', queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES])
            queue[EARLIER] = string.sub((queue[EARLIER] or '') .. earlier, -9 * 12)
        end
        queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES] = minute, 0, 0
    end
    queue[what] = queue[what] + 1
end

local function forget_counts(queue)
    queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES], queue[EARLIER] = 0, 0, 0, nil
end

-- Count for the whole type. `what` is 'e' or 'd'.
local function count_for_type(what, amount)
    if amount > 0 then
        local key = key_of('minutes', integer(minute))
        call('HINCRBY', key, what, amount)
        call('PEXPIRE', key, integer(COUNTED_MS + MINUTE_MS + GRACE_MS))
    end
end

-- The record that a queue left behind, its rate forgotten if it is paid off; nil if there is none.
local function take_left(id)
    local key = key_of('left', id)
    local raw = call('GET', key)
    if not raw then
        return nil
    end
    call('DEL', key)
    call('ZREM', IDLE, id)
    local queue = {cmsgpack.unpack(raw)}
    if allowed_at(queue) <= now then
        queue[LAST] = 0
    end
    return queue
end

-- Keep of a queue without jobs what is still needed: its unpaid rate and its counts.
local function leave_behind(id, queue)
    local paid_at = allowed_at(queue)
    local needed_until = math.max(paid_at, counts_until(queue))
    if needed_until > now then
        local expiry = integer(needed_until - now + GRACE_MS)
        call('SET', key_of('left', id), pack_record(queue), 'PX', expiry)
        if paid_at > now then
            call('ZADD', IDLE, paid_at, id)
        end
    end
end

-- A queue that has lost its last job ceases to exist.
local function cease(id, queue)
    call('HDEL', QUEUES, id)
    if queue then
        leave_behind(id, queue)
    end
    if call('EXISTS', QUEUES) == 0 then
        call('DEL', NUMBER)
    end
end

-- The line --------------------------------------------------------------------------------------

local first_since = math.huge      -- of the places in line that this script gave

local function stand_in_line(since, place)
    call('ZADD', LINE, since, place)
    first_since = math.min(first_since, since)
end

local function enter_line(id, queue, since, number)
    queue[PLACE] = number
    stand_in_line(since, numbered(number, id))
end

-- Tell those who wait for jobs of the type of the new places in line.
local function wake()
    if first_since < math.huge then
        -- What is written stands, also where this user of Redis may not publish.
        redis.pcall('PUBLISH', CHANNEL, integer(math.max(0, first_since - now)))
    end
end

local function change_interval(id, queue, interval, number)
    if queue[INTERVAL] == interval then
        return
    end
    queue[INTERVAL] = interval
    if queue[LENGTH] == 0 then
        return
    end
    local place = numbered(queue[PLACE], id)
    local allowed = allowed_at(queue)
    if allowed > now then
        stand_in_line(allowed, place)
        return
    end
    local since = call('ZSCORE', LINE, place)
    if not since or tonumber(since) > now then
        call('ZREM', LINE, place)
        enter_line(id, queue, now, number)
    end
end

-- Put the only job of a queue, if it stands by itself, where jobs are that are not alone. A hash for
-- one job would take twice the memory of the job. Return it; false if there is none.
local function join_the_others(id, queue)
    local key = key_of('only', id)
    local job = call('GET', key)
    if job then
        call('HSET', key_of('jobs', id), queue[HEAD], job)
        call('DEL', key)
    end
    return job
end

-- Let a job stand at `place` of its queue; `number` is for the queue's place, if it needs one.
local function add_waiting(id, queue, job_id, place, number)
    if queue[LENGTH] == 1 then
        join_the_others(id, queue)
    end
    if queue[LENGTH] == 0 then
        queue[HEAD_PLACE], queue[HEAD] = place, job_id
        enter_line(id, queue, math.max(now, allowed_at(queue)), number)
    elseif place < queue[HEAD_PLACE] then
        call('ZADD', key_of('rest', id), queue[HEAD_PLACE], queue[HEAD])
        queue[HEAD_PLACE], queue[HEAD] = place, job_id
    else
        call('ZADD', key_of('rest', id), place, job_id)
    end
    queue[LENGTH] = queue[LENGTH] + 1
end

-- Leases ----------------------------------------------------------------------------------------

-- Take a lease off the lists of its queue. Return whether the queue has another.
local function drop_lease(id, job_id, expiry, number)
    local leases = key_of('leases', id)
    call('ZREM', leases, numbered(number, job_id))
    local first = call('ZRANGE', leases, 0, 0, 'WITHSCORES')
    if not first[1] then
        call('ZREM', EXPIRING, id)
        return false
    end
    if tonumber(first[2]) > expiry then
        call('ZADD', EXPIRING, first[2], id)
    end
    return true
end

-- Find the lease that is claimed for a job, with `token` or (if that is '') the current one.
-- Return 'ended' and the lease as {token, expiry, number, attempt}, or 'stale' or 'unknown'.
local function claim(id, job_id, token)
    local jobs = key_of('jobs', id)
    local raw = call('HGET', jobs, '=' .. job_id)
    if raw then
        local lease = {cmsgpack.unpack(raw)}
        if token == '' or token == lease[1] then
            return 'ended', lease
        end
        return 'stale'
    end
    if token == '' then
        return 'unknown'
    end
    local queue = load_queue(id)
    local known = call('HEXISTS', jobs, job_id) == 1 or (queue and queue[HEAD] == job_id)
        or call('HEXISTS', key_of('dead', id), job_id) == 1
    return known and 'stale' or 'unknown'
end

-- Let a job whose lease was dropped wait again.
local function come_back(id, queue, job_id, requeues, attempt, payload, job_number, number)
    local jobs = key_of('jobs', id)
    call('HSET', jobs, job_id, cmsgpack.pack(requeues, attempt) .. payload)
    call('HDEL', jobs, '=' .. job_id)
    add_waiting(id, queue, job_id, job_number - RETURNED, number)
    save_queue(id, queue)
end

-- Return requeues remaining, attempts, and where the payload begins.
local function unpack_job(raw)
    local offset, requeues, attempts = cmsgpack.unpack_limit(raw, 2)
    return requeues, attempts, (offset == -1 and #raw or offset) + 1
end

-- Run `act(...)` for one queue. If its keys are broken, return false and the reason instead, so
-- that no other queue suffers.
local function guarded(act, ...)
    local fine, first, second = pcall(act, ...)
    if fine then
        return first, second
    end
    return false, type(first) == 'table' and first.err or tostring(first)
end

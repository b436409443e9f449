-- What every script shares: the key map, the formats, and the moves that several verbs make.
--
-- KEYS, the same for every script, all under the tag {prefix:type}:
--   1 {tag}:queues             hash    queue id -> record, the queues that exist
--   2 {tag}:line               zset    place -> ready since, the queues where jobs wait; and behind
--                                      them all "clock" -> CLOCK_AT and when the latest was given
--   3 {tag}:expiring           zset    queue id -> its first lease's expiry
--   4 {tag}:idle               zset    queue id -> when the rate it left behind is paid off
--   5 {tag}:number             string  the latest job or place number; gone with the last queue
--   6 {tag}:wake:<database>    no key: the channel on which scripts that gave queues a new place in
--                              line say in how many ms the first of those places may be ready. All
--                              databases of a Redis share its channels.
-- One more key of a type, named here alone, gone with the last queue:
--   {tag}:ahead                string  only after the clock has stepped back, until reclaim has gone
--                                      through the places that lie ahead: the last one it looked at
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
--   record  interval, last (-1: never), place number, jobs waiting, the head's place, the head's
--           job id, then the minute counts: minute, enqueues, dequeues, and, if there are any,
--           other minutes as 12 bytes each (big-endian minute, enqueues, dequeues), in their order;
--           where the clock has stepped back, some lie ahead
--   job     requeues remaining, attempts, then the payload as it came
--   attempt expiry, then queue id, job id, token of each job it got
--   lease   token, expiry, the job's number, attempt
--   place   number as 6 bytes, big-endian, so that it sorts; then the queue id
--   ahead   ready since, place ('': all places of that instant)
-- ARGV[1] is the time in ms, or '' for the server's own. A store that was handed a clock goes by that
-- alone, so it lets no key expire: only Redis's own time would end it.
-- What others did to the keys of one queue must stop that queue only, and change nothing of it: so what
-- can fail is read, or written first.

local QUEUES, LINE, EXPIRING, IDLE, NUMBER = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local CHANNEL = KEYS[6]
local INTERVAL, LAST, PLACE, LENGTH, HEAD_PLACE, HEAD = 1, 2, 3, 4, 5, 6
local MINUTE, ENQUEUES, DEQUEUES, OTHERS = 7, 8, 9, 10
local NEVER = -1
local CLOCK, CLOCK_AT = 'clock', 2 ^ 52

local RETURNED = 2 ^ 52         -- a job that came back stands at its number less this
local MINUTE_MS = 60000
local COUNTED_MS = 600000       -- how far back minute counts reach
local COUNTED_MINUTES = 10
local GRACE_MS = 60000          -- by how much an expiry outlasts what it guards
local QUARANTINE_MS = 60000     -- how long a queue whose keys are broken is left alone

local call = redis.call
local tag = string.match(KEYS[1], '^(.-})')

local now = tonumber(ARGV[1])
local own_time = not now
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

-- Run `act(...)` for one queue. If its keys are broken, return false and the reason instead, so
-- that no other queue suffers.
local function guarded(act, ...)
    local fine, first, second = pcall(act, ...)
    if fine then
        return first, second
    end
    return false, type(first) == 'table' and first.err or tostring(first)
end

-- Let a key that several writers share expire in `ms`, or later if it would.
local function keep(key, ms)
    if own_time and call('PEXPIRE', key, integer(ms), 'GT') == 0 then
        call('PEXPIRE', key, integer(ms), 'NX')
    end
end

local function set_to_expire(key, value, ms)
    if own_time then
        call('SET', key, value, 'PX', integer(ms))
    else
        call('SET', key, value)
    end
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

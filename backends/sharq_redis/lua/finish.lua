#!lua flags=allow-oom
-- End leases, their jobs done.
-- ARGV  2 for how long (ms) a receipt is kept, 3 how many each of the 16 shards may hold, then
--       for each lease: queue id, job id, token or ''
-- Reply for each lease: ended, stale or unknown, or why its queue is broken
-- A receipt is kept for as long as its own finish said, whatever others say.

local receipt_ms, max_receipts = tonumber(ARGV[2]), tonumber(ARGV[3])
local reply = {}
local receipts = {}     -- shard -> score, receipt, ... to be written
local finished = {}     -- receipt -> true, those of this call

local function shard_of(token)
    return key_of('receipts', string.byte(token) % 16)
end

local function finish(id, job_id, token)
    local outcome, lease = claim(id, job_id, token)
    local receipt = token .. ':' .. id .. ':' .. job_id
    if not lease then
        local kept_until = token ~= '' and redis.pcall('ZSCORE', shard_of(token), receipt)
        if finished[receipt] or (type(kept_until) == 'string' and tonumber(kept_until) >= now) then
            return 'ended'
        end
        return outcome
    end
    local jobs = key_of('jobs', id)
    local has_leases = drop_lease(id, job_id, lease[2], lease[3])
    call('HDEL', jobs, job_id, '=' .. job_id)
    if not has_leases and call('EXISTS', jobs) == 0 then
        cease(id, guarded(load_queue, id))
    end
    if token ~= '' then
        local shard = shard_of(token)
        receipts[shard] = receipts[shard] or {}
        table.insert(receipts[shard], integer(now + receipt_ms))
        table.insert(receipts[shard], receipt)
        finished[receipt] = true
    end
    return outcome
end

for at = 4, #ARGV, 3 do
    local outcome, reason = guarded(finish, ARGV[at], ARGV[at + 1], ARGV[at + 2])
    reply[#reply + 1] = outcome or reason
end

-- Each shard gets its receipts at once, and loses at least as many that it need not keep.
for shard, entries in pairs(receipts) do
    for first = 1, #entries, 1000 do
        local last = math.min(first + 999, #entries)
        if type(redis.pcall('ZADD', shard, unpack(entries, first, last))) == 'table' then
            call('DEL', shard)
            call('ZADD', shard, unpack(entries, first, last))
        end
    end
    local excess = call('ZCARD', shard) - max_receipts
    local old = call('ZCOUNT', shard, '-inf', '(' .. integer(now))
    local drop = math.max(excess, math.min(old, #entries + 100))
    if drop > 0 then
        call('ZREMRANGEBYRANK', shard, 0, drop - 1)
    end
    keep(shard, receipt_ms + GRACE_MS)
end
return reply

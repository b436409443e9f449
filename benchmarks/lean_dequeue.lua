#!lua
-- Lease jobs of the first ready queues with as little as it takes: find the queue, pop, read its
-- interval and the payload, score it anew, lease, count.
-- Leaves out: fencing tokens, attempts, requeue limits, counts of each queue, queues that run empty,
-- jobs that come back, order among queues that are ready at the same ms, broken queues.
-- KEYS  1 line, 2 queues' intervals, 3 payloads, 4 leases, 5 counts, 6 what lists of jobs begin with
-- ARGV  1 how many, 2 lease time in ms
-- Reply for each job: queue id, job id, payload

local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expiry = now + ARGV[2]
local reply = {}

for _ = 1, ARGV[1] do
    local id = call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
    local job_id = id and call('LPOP', KEYS[6] .. id)
    if not job_id then
        break
    end
    local job = id .. ':' .. job_id
    local payload = call('HGET', KEYS[3], job)
    local interval = call('HGET', KEYS[2], id)
    call('ZADD', KEYS[1], now + interval, id)
    call('ZADD', KEYS[4], expiry, job)
    call('HINCRBY', KEYS[5], 'd', 1)
    local at = #reply
    reply[at + 1], reply[at + 2], reply[at + 3] = id, job_id, payload
end
return reply

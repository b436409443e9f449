#!lua
-- Put jobs into queues with as little as it takes.
-- Leaves out: duplicates, length limits, a changed interval's effect on those that wait, an unpaid
-- rate, counts of each queue, order among queues that are ready at the same ms.
-- KEYS  1 line, 2 queues' intervals, 3 payloads, 4 leases, 5 counts, 6 what lists of jobs begin with
-- ARGV  for each job: queue id, job id, interval, payload
-- Reply how many

local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for at = 1, #ARGV, 4 do
    local id, job_id = ARGV[at], ARGV[at + 1]
    call('RPUSH', KEYS[6] .. id, job_id)
    call('HSET', KEYS[3], id .. ':' .. job_id, ARGV[at + 3])
    call('HSET', KEYS[2], id, ARGV[at + 2])
    call('ZADD', KEYS[1], 'NX', now, id)
    call('HINCRBY', KEYS[5], 'e', 1)
end
return #ARGV / 4

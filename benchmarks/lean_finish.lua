#!lua
-- End leases with as little as it takes.
-- Leaves out: fencing tokens, receipts, queues that cease to exist.
-- KEYS  1 line, 2 queues' intervals, 3 payloads, 4 leases, 5 counts, 6 what lists of jobs begin with
-- ARGV  for each lease: queue id, job id
-- Reply for each lease: 1, or 0 if it was not there

local call = redis.call
local reply = {}

for at = 1, #ARGV, 2 do
    local job = ARGV[at] .. ':' .. ARGV[at + 1]
    reply[#reply + 1] = call('ZREM', KEYS[4], job)
    call('HDEL', KEYS[3], job)
end
return reply

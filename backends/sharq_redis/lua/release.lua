#!lua flags=allow-oom
-- Hand leased jobs back.
-- ARGV  from 2 on, for each lease: queue id, job id, token or ''
-- Reply for each lease: ended, stale or unknown, or why its queue is broken

local reply = {}
local number = reserve_numbers((#ARGV - 1) / 3)

local function release(id, job_id, token)
    local outcome, lease = claim(id, job_id, token)
    if lease then
        drop_lease(id, job_id, lease[2], lease[3])
        local job = call('HGET', key_of('jobs', id), job_id)
        local requeues, _, payload_at = unpack_job(job)
        come_back(id, load_queue(id), job_id, requeues, lease[4], string.sub(job, payload_at),
            lease[3], number)
    end
    return outcome
end

for at = 2, #ARGV, 3 do
    number = number + 1
    local outcome, reason = guarded(release, ARGV[at], ARGV[at + 1], ARGV[at + 2])
    reply[#reply + 1] = outcome or reason
end
if call('EXISTS', QUEUES) == 0 then
    call('DEL', NUMBER)
end
wake()
return reply

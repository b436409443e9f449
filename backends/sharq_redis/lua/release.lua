#!lua flags=allow-oom
-- Hand leased jobs back.
-- ARGV  from 2 on, for each lease: queue id, job id, token or ''
-- Reply for each lease: ended, stale or unknown, or why its queue is broken

local reply = {}
local number = reserve_numbers((#ARGV - 1) / 3)

local function release(id, job_id, token)
    local outcome, lease = claim(id, job_id, token)
    if lease then
        local job, queue = call('HGET', key_of('jobs', id), job_id), load_queue(id)
        if not (job and queue) then
            error('lease of ' .. job_id .. ' without its job', 0)
        end
        local requeues, _, payload_at = unpack_job(job)
        check_return(id, queue)
        drop_lease(id, job_id, lease[2], lease[3])
        come_back(id, queue, job_id, requeues, lease[4], string.sub(job, payload_at), lease[3],
            number)
    end
    return outcome
end

for at = 2, #ARGV, 3 do
    number = number + 1
    local outcome, reason = guarded(release, ARGV[at], ARGV[at + 1], ARGV[at + 2])
    reply[#reply + 1] = outcome or reason
end
forget_numbers()
wake()
return reply

-- Jobs that wait again after their lease. Needs checks and waiting.

-- Raise an error if a job could not come back, before anything is written.
local function check_return(id, queue)
    if queue[LENGTH] > 0 then
        must_be('zset', key_of('rest', id))
        must_be('string', key_of('only', id))
    end
end

-- Let a job whose lease was dropped wait again.
local function come_back(id, queue, job_id, requeues, attempt, payload, job_number, number)
    local jobs = key_of('jobs', id)
    call('HSET', jobs, job_id, cmsgpack.pack(requeues, attempt) .. payload)
    call('HDEL', jobs, '=' .. job_id)
    add_waiting(id, queue, job_id, job_number - RETURNED, number)
    save_queue(id, queue)
end

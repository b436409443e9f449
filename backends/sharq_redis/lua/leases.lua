-- How leases are claimed and ended. Needs records and jobs.

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
        local lease = unpack_lease(raw)
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

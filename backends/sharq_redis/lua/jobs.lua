-- Jobs and their leases, as they are stored.

-- Return requeues remaining, attempts, and where the payload begins.
local function unpack_job(raw)
    local offset, requeues, attempts = cmsgpack.unpack_limit(raw, 2)
    if type(requeues) ~= 'number' or type(attempts) ~= 'number' then
        error('a job is damaged', 0)
    end
    return requeues, attempts, (offset == -1 and #raw or offset) + 1
end

-- Return a lease as {token, expiry, number, attempt}.
local function unpack_lease(raw)
    local lease = {cmsgpack.unpack(raw)}
    if not (type(lease[1]) == 'string' and type(lease[2]) == 'number'
            and type(lease[3]) == 'number' and type(lease[4]) == 'number') then
        error('a lease is damaged', 0)
    end
    return lease
end

#!lua flags=allow-oom
-- Remove a queue's jobs, or all that is left of a queue that others have broken.
-- ARGV  2 queue id, 3 'purge' or '': also its dead letters and its counts
-- Reply how many waited, were leased, were dead letters, as far as they could be counted

local id, purge = ARGV[2], ARGV[3] == 'purge'

local function forget_counts(queue)
    queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES], queue[OTHERS] = 0, 0, 0, nil
end

local function counted(command, kind)
    local found = redis.pcall(command, key_of(kind, id))
    return type(found) == 'number' and found or 0
end

local queue, reason = guarded(load_queue, id)
local leased, dead = counted('ZCARD', 'leases'), 0
local waiting
if queue then
    waiting = queue[LENGTH]
    call('ZREM', LINE, numbered(queue[PLACE], id))
else -- its place in line goes when its turn comes
    waiting = math.max(0, counted('HLEN', 'jobs') - 2 * leased) + counted('EXISTS', 'only')
end
call('UNLINK', key_of('only', id), key_of('jobs', id), key_of('rest', id), key_of('leases', id))
call('ZREM', EXPIRING, id)
if queue then
    queue[LENGTH], queue[HEAD], queue[HEAD_PLACE] = 0, '', 0
    if purge then
        forget_counts(queue)
    end
    cease(id, queue)
else
    if reason then
        cease(id)
    end
    local left, why = guarded(take_left, id)
    if left then
        if purge then
            forget_counts(left)
        end
        leave_behind(id, left)
    elseif why then
        call('UNLINK', key_of('left', id))
        call('ZREM', IDLE, id)
    end
end
local letters, deaths = key_of('dead', id), key_of('deaths', id)
if purge or not (guarded(must_be, 'hash', letters) and guarded(must_be, 'zset', deaths)) then
    dead = counted('ZCARD', 'deaths')
    call('UNLINK', letters, deaths)
end
return {waiting, leased, dead}

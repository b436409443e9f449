#!lua flags=allow-oom
-- Remove a queue's jobs.
-- ARGV  2 queue id, 3 'purge' or '': also its dead letters and its counts
-- Reply how many waited, were leased, were dead letters

local id, purge = ARGV[2], ARGV[3] == 'purge'
local waiting, leased, dead = 0, 0, 0

local queue = load_queue(id)
if queue then
    waiting, leased = queue[LENGTH], call('ZCARD', key_of('leases', id))
    call('UNLINK', key_of('only', id), key_of('jobs', id), key_of('rest', id), key_of('leases', id))
    call('ZREM', LINE, numbered(queue[PLACE], id))
    call('ZREM', EXPIRING, id)
    queue[LENGTH], queue[HEAD], queue[HEAD_PLACE] = 0, '', 0
    if purge then
        forget_counts(queue)
    end
    cease(id, queue)
elseif purge then
    local left = take_left(id)
    if left then
        forget_counts(left)
        leave_behind(id, left)
    end
end
if purge then
    dead = call('ZCARD', key_of('deaths', id))
    call('UNLINK', key_of('dead', id), key_of('deaths', id))
end
return {waiting, leased, dead}

#!lua flags=no-writes
-- Tell what there is in one queue.
-- ARGV  2 queue id
-- Reply the time, how many wait, are leased, are dead letters, then for each minute that was
--       counted: its epoch in minutes, enqueues, dequeues; or why the queue is broken

local function measure(id)
    local queue = load_queue(id)
    if not queue then
        local raw = call('GET', key_of('left', id))
        queue = raw and unpack_record(raw)
    end
    local dead = call('ZCARD', key_of('deaths', id))
    if not queue then
        return {now, 0, 0, dead}
    end
    local leased = call('ZCARD', key_of('leases', id))
    local reply = {now, queue[LENGTH], leased, dead,
        queue[MINUTE], queue[ENQUEUES], queue[DEQUEUES]}
    local others = queue[OTHERS] or ''
    for at = 1, #others, 12 do
        local that, enqueues, dequeues = struct.unpack('>I4I4I4', others, at)
        local next_ = #reply
        reply[next_ + 1], reply[next_ + 2], reply[next_ + 3] = that, enqueues, dequeues
    end
    return reply
end

local reply, reason = guarded(measure, ARGV[2])
return reply or reason

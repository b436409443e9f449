-- Queues that cease to exist. Needs records.

local function counts_until(queue)
    local latest, others = queue[MINUTE], queue[OTHERS]
    if others then
        latest = math.max(latest, (struct.unpack('>I4', others, #others - 11)))
    elseif queue[ENQUEUES] + queue[DEQUEUES] == 0 then
        return 0
    end
    return latest * MINUTE_MS + COUNTED_MS
end

-- A queue without jobs whose rate is paid off was never dequeued. Keep of it what is still needed: its unpaid rate and its counts.
local function leave_behind(id, queue)
    local paid_at = allowed_at(queue)
    if paid_at <= now then
        queue[LAST] = NEVER
    end
    local needed_until = math.max(paid_at, counts_until(queue))
    if needed_until > now then
        set_to_expire(key_of('left', id), pack_record(queue), needed_until - now + GRACE_MS)
        if not own_time then
            call('ZADD', IDLE, needed_until, id)
        elseif paid_at > now then
            call('ZADD', IDLE, paid_at, id)
        end
    end
end

-- Without queues there are no places, and nothing that a number could be mistaken for.
local function forget_numbers()
    if call('EXISTS', QUEUES) == 0 then
        call('DEL', NUMBER, LINE, tag .. ':ahead')
    end
end

-- A queue that has lost its last job ceases to exist.
local function cease(id, queue)
    call('HDEL', QUEUES, id)
    if queue then
        leave_behind(id, queue)
    end
    forget_numbers()
end

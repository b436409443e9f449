-- The record of a queue.

-- Where the clock has stepped back behind the latest dequeue, that becomes now.
local function unpack_record(raw)
    local queue = {cmsgpack.unpack(raw)}
    if type(queue[HEAD]) ~= 'string' or type(queue[DEQUEUES]) ~= 'number' then
        error('its record is damaged', 0)
    end
    if queue[LAST] > now then
        queue[LAST] = now
    end
    return queue
end

local function load_queue(id)
    local raw = call('HGET', QUEUES, id)
    return raw and unpack_record(raw)
end

local function pack_record(queue)
    return cmsgpack.pack(unpack(queue))
end

local function save_queue(id, queue)
    call('HSET', QUEUES, id, pack_record(queue))
end

local function allowed_at(queue)
    return queue[LAST] == NEVER and 0 or queue[LAST] + queue[INTERVAL]
end

-- What a queue left behind that comes into being again. Needs records.

-- The record that a queue left behind, its rate forgotten if it is paid off; nil if there is none.
local function take_left(id)
    local key = key_of('left', id)
    local raw = call('GET', key)
    if not raw then
        return nil
    end
    local queue = unpack_record(raw)
    call('DEL', key)
    call('ZREM', IDLE, id)
    if allowed_at(queue) <= now then
        queue[LAST] = NEVER
    end
    return queue
end

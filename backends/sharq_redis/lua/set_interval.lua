#!lua flags=allow-oom
-- Change the interval of a queue that exists, and set its place in line anew if it lies too far ahead.
-- ARGV  2 queue id, 3 interval in ms
-- Reply 1, or 0 if there is no such queue, or why it is broken

local function set_interval(id, interval)
    local queue = load_queue(id)
    if not queue then
        return 0
    end
    queue[INTERVAL] = interval
    if queue[LENGTH] > 0 then
        set_place_anew(id, queue, reserve_numbers(1) + 1)
    end
    save_queue(id, queue)
    return 1
end

local outcome, reason = guarded(set_interval, ARGV[2], tonumber(ARGV[3]))
wake()
return outcome or reason

#!lua flags=allow-oom
-- Change the interval of a queue that exists.
-- ARGV  2 queue id, 3 interval in ms
-- Reply 1, or 0 if there is no such queue

local id = ARGV[2]
local queue = load_queue(id)
if not queue then
    return 0
end
change_interval(id, queue, tonumber(ARGV[3]), reserve_numbers(1) + 1)
save_queue(id, queue)
wake()
return 1

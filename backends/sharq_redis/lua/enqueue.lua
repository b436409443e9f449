#!lua
-- Put jobs into their queues.
-- ARGV  2 the number of jobs, then for each: queue id, job id, interval, requeue limit,
--       max_queued_length or '', payload
-- Reply 1 if the type had no queue before, the time, how many jobs were queued, then for each
--       job: outcome (1 queued, 0 duplicate, -1 full) and how many waited before it, or
--       -2 and why its queue is broken
-- Refused as a whole, before anything is written, when memory is full.

local BROKEN = -2
local jobs = tonumber(ARGV[2])
local number = reserve_numbers(jobs)
local born = number == 0 and 1 or 0     -- the numbers go with the last queue
local reply = {born, now, 0}
local queued = 0

local function enqueue(id, job_id, interval, requeues, limit, payload)
    local key = key_of('jobs', id)
    local queue = load_queue(id)
    local waiting = queue and queue[LENGTH] or 0
    local known = call('HEXISTS', key, job_id) == 1
    if queue and (known or queue[HEAD] == job_id) then
        change_interval(id, queue, interval, number)
        save_queue(id, queue)
        return 0, waiting
    end
    if limit and waiting >= limit then
        return -1, waiting
    end
    local is_first = not queue
    queue = queue or take_left(id) or {interval, NEVER, 0, 0, 0, '', 0, 0, 0}
    if waiting > 0 then
        add_waiting(id, queue, job_id, number, number)
        change_interval(id, queue, interval, number)
    else
        change_interval(id, queue, interval, number)
        add_waiting(id, queue, job_id, number, number)
    end
    count(queue, ENQUEUES)
    local job = cmsgpack.pack(requeues, 0) .. payload
    if is_first then
        call('SET', key_of('only', id), job)
    else
        call('HSET', key, job_id, job)
    end
    save_queue(id, queue)
    queued = queued + 1
    return 1, waiting
end

for at = 3, #ARGV, 6 do
    number = number + 1
    local outcome, waiting = guarded(enqueue, ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]),
        tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), ARGV[at + 5])
    reply[#reply + 1] = outcome or BROKEN
    reply[#reply + 1] = waiting
end
reply[3] = queued
count_for_type('e', queued)
if born == 1 and queued == 0 then
    call('DEL', NUMBER)
end
wake()
return reply

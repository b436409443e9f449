-- Clearing: remove jobs and dead letters of a queue by their states, even if its keys are damaged.

local Clearing = {}

do
    local counts        -- of this call: how many jobs were removed, by state
    local left          -- how many jobs and dead letters this call may still remove one by one

    function Clearing.begin(limit)
        counts, left = {waiting = 0, leased = 0, delayed = 0, dead = 0}, limit
    end

    -- Return what was removed, as a list: how many waited, were leased, were dead letters, were delayed.
    function Clearing.counts()
        return {counts.waiting, counts.leased, counts.dead, counts.delayed}
    end

    -- Remove all living jobs of a queue at once. Return whether there was such a queue.
    function Clearing.empty(id)
        local was_there, waiting, leased, delayed = Emptying.empty(id)
        counts.waiting, counts.leased = counts.waiting + waiting, counts.leased + leased
        counts.delayed = counts.delayed + delayed
        return was_there
    end

    -- Return the next job of a queue in one of the states: its id, its state, its lease if it has one. Nil if none.
    local function next_job(queue, states)
        if states.waiting and queue[WAITING] > 0 then
            return queue[HEAD], 'waiting'
        elseif states.leased and queue[LEASED] > 0 then
            local lease = Leases.first(queue)
            return lease[JOB], 'leased', lease
        end
        local job_id, at = Delays.first(queue, states.waiting, states.delayed)
        return job_id, at and (at > now and 'delayed' or 'waiting')
    end

    -- Remove jobs of a queue in some states, one by one. Return whether there are more.
    local function remove_jobs(queue, states)
        Times.delayed(queue)    -- raises if they are missing
        local job_id, state, lease = next_job(queue, states)
        while job_id and left > 0 do
            local job = Removing.find(queue, job_id) or error('job ' .. job_id .. ' is missing')
            Removing.remove(queue, job, lease)
            counts[state], left = counts[state] + 1, left - 1
            job_id, state, lease = next_job(queue, states)
        end
        return job_id ~= nil
    end

    -- Do so for the queue with this id. If nothing was removed because it is damaged, also return the reason.
    function Clearing.remove_jobs(id, states)
        local before = left
        local more, reason = guarded(function()
            local queue = Queues.load(id)
            return queue and remove_jobs(queue, states) and 'more' or 'none'
        end)
        if more then
            return more == 'more'
        end
        return before > left, before == left and reason or nil
    end

    -- Remove dead letters of a queue; if `forced`, damaged ones too. Return whether there are more. If nothing was
    -- removed because the queue is damaged, also return the reason.
    function Clearing.remove_letters(id, forced)
        local fine, removed, more, reason = pcall(Discarding.discard, id, left, forced)
        if not fine then
            return false, reason_of(removed)
        end
        counts.dead, left = counts.dead + removed, left - removed
        return more, reason
    end

    -- Forget the minute counts of a queue.
    function Clearing.forget_counts(id)
        local queue = Queues.load(id)
        if queue then
            Counts.forget(queue)
            Step.noted(queue)
            return
        end
        local fine, last = pcall(Left.by, id)
        if not fine then
            Left.drop(id)
        elseif last then
            Left.change(last, Counts.forget)
        end
    end
end

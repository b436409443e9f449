-- Remove jobs and dead letters of a queue, or of all queues of a type, in a bounded step.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id, '' for all, 3 the states, one character each: w(aiting), l(eased),
--       d(elayed), x for dead, 4 'counts' to remove the minute counts too, or '', 5 how many jobs and letters may
--       be removed one by one, and how many queues may be cleared of all living jobs, 6 for a type the cursor,
--       '0' at first
-- Reply how many removed jobs waited, were leased, were dead letters, were delayed (without those that damage
--       hides); the cursor of the next step, '' if there is none; the damaged queues that were left alone, each
--       with the reason

local Clear = {flags = {'allow-oom'}}

do
    local states, forgets_counts, limit, broken     -- of this call
    local is_all, is_some       -- whether all living states are to be cleared, or some of them

    -- Clear a queue. Return whether there is more to remove, and whether it was cleared of all living jobs.
    local function clear(id)
        local emptied, more, reason, more_letters = false, false, nil, false
        if is_all then
            emptied = Clearing.empty(id)
        elseif is_some then
            more, reason = Clearing.remove_jobs(id, states)
        end
        if states.dead and not reason then
            more_letters, reason = Clearing.remove_letters(id, is_all)
        end
        if forgets_counts and not reason then
            local fine, failure = guarded(Clearing.forget_counts, id)
            reason = fine == false and failure or nil
        end
        if reason then
            note_broken(broken, id, reason)
        end
        return more or more_letters, emptied
    end

    -- Clear queues of a type from a cursor on. Return the next cursor.
    local function clear_type(cursor)
        local step, ids = call('HSCAN', QUEUES, cursor, 'COUNT', integer(limit)), {}
        for at = 1, #step[2], 2 do
            ids[#ids + 1] = step[2][at]
        end
        Queues.prefetch_page(ids)
        local emptied_queues = 0
        for at, id in ipairs(ids) do
            local more, emptied = clear(id)
            emptied_queues = emptied_queues + (emptied and 1 or 0)
            if more or (emptied_queues == limit and at < #ids) then
                return cursor       -- what is left of this page is met again
            end
        end
        return step[1] ~= '0' and step[1] or ''
    end

    function Clear.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local id, asked = args[2], args[3]
        states = {waiting = string.find(asked, 'w'), leased = string.find(asked, 'l'),
            delayed = string.find(asked, 'd'), dead = string.find(asked, 'x')}
        is_all = states.waiting and states.leased and states.delayed
        is_some = states.waiting or states.leased or states.delayed
        forgets_counts, limit, broken = args[4] == 'counts', tonumber(args[5]), {}
        Clearing.begin(limit)
        local cursor
        if id == '' then
            cursor = clear_type(args[6])
        else
            cursor = clear(id) and 'more' or ''
        end
        Step.write()
        Totals.write()
        Types.settle_if_empty()
        Wakeups.announce()
        local reply = Clearing.counts()
        reply[5], reply[6] = cursor, broken
        return reply
    end
end

-- End expired leases of a type, let due jobs join and ended ones die, drop dead letters that are too old or too
-- many, forget rates that are paid off, and the type itself a day after it ended.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many of each at most, 3 how many dead letters to drop at most, 4 how long (ms) dead
--       letters are kept, 5 how many of them are kept
-- Reply the leases that went back and those whose jobs died, each as a list of queue id, job id and
--       token, 1 if there is more to do at once, the damaged queues, each with the reason, '' for the type
--       itself, 1 if changed defaults are yet to be taken up (verbs/spread.lua)

local Tend = {flags = {'allow-oom'}}

do
    -- Leave the type alone for a while: what is set for it is damaged. Other types must not suffer.
    local function put_off(reason)
        call('ZADD', DUE, integer(now + QUARANTINE_MS), Scope.type_name())
        return {NOTHING, NOTHING, 0, {'', reason_of(reason)}, 0}
    end

    function Tend.run(keys, args)
        Scope.begin(keys, args)
        local fine, reason = pcall(Step.begin)
        if not fine then
            return put_off(reason)
        end
        local limit, broken = tonumber(args[2]), {}
        local max_age, max_count = tonumber(args[4]), tonumber(args[5])
        local requeued, dead = Expiry.end_leases(limit, broken)
        Expiry.serve_timers(limit, broken)
        Ageing.drop(tonumber(args[3]), max_age, max_count, broken)
        Expiry.forget(limit)
        if has_gate then
            Gate.bring_to_now()
        end
        Totals.write()
        local ends_at = Types.forget() or math.huge
        local is_spreading = Defaults.are_spreading()
        local further = math.min(Ageing.due(max_age, max_count), ends_at, Gate.tidy(), is_spreading and now or math.huge)
        local due = Expiry.note_due(further)
        local more = due <= now and 1 or 0
        Wakeups.announce()
        return {requeued, dead, more, broken, is_spreading and 1 or 0}
    end
end

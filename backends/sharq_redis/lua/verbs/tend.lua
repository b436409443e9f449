-- End expired leases of a type, let due jobs join and ended ones die, forget rates that are paid off.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many of each at most
-- Reply the leases that went back and those whose jobs died, each as a list of queue id, job id and
--       token, 1 if there is more to do at once, the damaged queues, each with the reason

local Tend = {flags = {'allow-oom'}}

do
    function Tend.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local limit, broken = tonumber(args[2]), {}
        local requeued, dead = Expiry.end_leases(limit, broken)
        Expiry.serve_timers(limit, broken)
        Expiry.forget(limit)
        local more = Expiry.note_due() <= now and 1 or 0
        Wakeups.announce()
        return {requeued, dead, more, broken}
    end
end

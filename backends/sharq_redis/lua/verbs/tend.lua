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
        local limit = tonumber(args[2])
        local requeued, dead, broken = Expiry.end_leases(limit)
        Step.write()
        for _, damaged in ipairs(Expiry.serve_timers(limit)) do
            broken[#broken + 1] = damaged
        end
        Expiry.forget(limit)
        local more = Expiry.note_due() <= now and 1 or 0
        Wakeups.announce()
        return {requeued, dead, more, broken}
    end
end

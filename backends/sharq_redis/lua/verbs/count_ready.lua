-- Count the queues in rows that may be dequeued (lib/readiness.lua).
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', then where the previous call, or the look at the type, said to go on
-- Reply how many there are, less the entries of shared limits that the line has; since when the first is ready or -1;
--       where to go on, empty if all were looked at

local CountReady = {flags = {'no-writes'}}

do
    function CountReady.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        if not has_shared then
            return {0, -1, NOTHING}
        end
        local ready, since, further = Readiness.from(args[2], tonumber(args[3]), tonumber(args[4]))
        return {ready, since < NO_END and since or -1, further or NOTHING}
    end
end

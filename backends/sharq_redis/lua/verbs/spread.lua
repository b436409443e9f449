-- Go on with the walk by which the queues of a type take up changed defaults, if one is under way.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many places to look at, at most
-- Reply how many places were looked at, 1 if there are more, the damaged queues, each with the reason, ''
--       for the type itself

local Spread = {flags = {'allow-oom'}}

do
    function Spread.run(keys, args)
        Scope.begin(keys, args)
        local fine, failure = pcall(Step.begin)
        if not fine then    -- what is set for the type is damaged: other types must not suffer
            return {0, 0, {'', reason_of(failure)}}
        end
        local broken = {}
        local looked_at, more = Defaults.walk(tonumber(args[2]), broken)
        Wakeups.announce()
        return {looked_at, more and 1 or 0, broken}
    end
end

-- List the shared limits of a type, by name.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 the name behind which to begin, '' at first, 3 how many at most, 4 the name of the only one
--       that is wanted, or ''
-- Reply the time, 1 if there are more, the damaged ones, each with the reason, then for each its name, the text of its
--       settings (lib/rules.lua), when its freeze ends or -1, the holds that stand (lib/holds.lua), how many units are
--       owed to each limit, when it opens or -1, how many leases are charged to it, how many queues with a place use it,
--       and the counts of units (lib/limiter.lua)

local ListLimits = {flags = {'no-writes'}}

do
    local function view(name)
        local limit = Shared.find(name)
        if not limit then
            return NOTHING
        end
        local holds, frozen_until = {}, limit.owed.f
        local ready = Limiter.ready_at(limit, holds)
        return {name, limit.text, frozen_until > now and frozen_until or -1, holds,
            Limits.owed_units(limit.limits, limit.owed, limit.last), ready < NO_END and math.max(now, ready) or -1,
            limit.leased, limit.queues, Limiter.counts(limit)}
    end

    local function list(names, limit)
        local broken = {}
        local reply = {now, #names > limit and 1 or 0, broken}
        for at = 1, math.min(#names, limit) do
            local found, reason = guarded(view, names[at])
            if not found then
                note_broken(broken, names[at], reason)
            elseif found ~= NOTHING then
                reply[#reply + 1] = found
            end
        end
        return reply
    end

    function ListLimits.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        if not has_shared then
            return {now, 0, {}}
        elseif args[4] ~= '' then
            return list({args[4]}, 1)
        end
        local limit = tonumber(args[3])
        return list(call('ZRANGE', NAMES, '(' .. args[2], '+', 'BYLEX', 'LIMIT', 0, limit + 1), limit)
    end
end

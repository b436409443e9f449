-- Tell the time, and keep the latest instant that any pass has seen, so that a clock that steps back shows.
-- KEYS  1 a key that never exists, 2 tag/clock of the first bucket of those on one server, the latest instant
-- ARGV  1 the time or '', 2 'reset' to keep the time though it is earlier, else ''
-- Reply the time, the latest instant before

local Clock = {flags = {'allow-oom'}}

do
    function Clock.run(keys, args)
        Instant.read(args[1])
        local latest = tonumber(call('GET', keys[2]) or 0)
        if now > latest or args[2] == 'reset' then
            call('SET', keys[2], integer(now))
        end
        return {now, latest}
    end
end

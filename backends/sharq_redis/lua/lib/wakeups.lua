-- Wake-ups: callers that wait for jobs of a type hear in how many ms the first of the new places in
-- line may be ready, and then, each behind a '/', which queues got these places, unless they are many. A gate or a
-- shared limit that opens by an event gives places, in this sense, to all; so does a dequeue that a bound on its work
-- ends early.

local Wakeups = {}

do
    -- Announce the places that this call gave. If `may_be_ready`, any queue may have a job that is ready.
    function Wakeups.announce(may_be_ready)
        local since, queues, count = Line.first_given()
        local all = may_be_ready
        if may_be_ready then
            since = now
        end
        local first = has_shared and Shared.is_one_opened() and first_instant(LINE)
        if first and first < NO_END then
            since, all = math.min(since or first, first), true
        end
        if has_gate then
            local is_opened
            since, is_opened = Gate.lets_through(since)
            all = all or is_opened
        end
        if since then
            local message = integer(math.max(0, since - now))
            if not all and count <= MAX_NAMED then
                message = message .. '/' .. table.concat(queues, '/', 1, count)
            end
            -- What is written stands, also where this user of Redis may not publish.
            try('SPUBLISH', CHANNEL, message)
        end
    end
end

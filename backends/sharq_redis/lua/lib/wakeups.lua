-- Wake-ups: callers that wait for jobs of a type hear in how many ms the first of the new places in
-- line may be ready.

local Wakeups = {}

do
    function Wakeups.announce()
        local since = Line.first_given()
        if since then
            -- What is written stands, also where this user of Redis may not publish.
            redis.pcall('SPUBLISH', CHANNEL, integer(math.max(0, since - now)))
        end
    end
end

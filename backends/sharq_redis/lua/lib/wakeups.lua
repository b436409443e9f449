-- Wake-ups: callers that wait for jobs of a type hear in how many ms the first of the new places in
-- line may be ready, and then, each behind a '/', which queues got these places, unless they are many.

local Wakeups = {}

do
    function Wakeups.announce()
        local since, queues, count = Line.first_given()
        if since then
            local message = integer(math.max(0, since - now))
            if count <= MAX_NAMED then
                message = message .. '/' .. table.concat(queues, '/', 1, count)
            end
            -- What is written stands, also where this user of Redis may not publish.
            try('SPUBLISH', CHANNEL, message)
        end
    end
end

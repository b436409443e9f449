-- Deliveries: the jobs in the answer to a take (verbs/dequeue.lua), seven values each.

local Deliveries = {}
local NOTHING = ''      -- in place of an empty list: Redis takes twenty times as long to convert a table

do
    function Deliveries.append(reply, queue, job_id, requeues, attempt, payload_at, raw)
        local at = #reply
        reply[at + 1], reply[at + 2], reply[at + 3] = queue[ID], job_id, requeues
        reply[at + 4], reply[at + 5] = attempt, queue[WAITING] + (queue[DUE_AT] and Times.due(queue) or 0)
        reply[at + 6], reply[at + 7] = payload_at, raw
    end
end

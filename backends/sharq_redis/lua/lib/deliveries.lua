-- Deliveries: the jobs in the answer to a take (verbs/dequeue.lua), seven values each.

local Deliveries = {}
local NOTHING = ''      -- for a list without anything in it: Redis hands a table over at twenty times the cost

do
    function Deliveries.append(reply, queue, job_id, requeues, attempt, payload_at, raw)
        local at = #reply
        reply[at + 1], reply[at + 2], reply[at + 3] = queue[ID], job_id, requeues
        reply[at + 4], reply[at + 5] = attempt, queue[WAITING] + (queue[DUE_AT] and Times.due(queue) or 0)
        reply[at + 6], reply[at + 7] = payload_at, raw
    end
end

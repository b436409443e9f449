-- Writes: lists of arguments that many queues add to, each sent as one command at the end of a step.
--
-- A list is made once and used by every call: `n` says how much of it counts. To make tables costs more
-- than the rest of a small call.

local Writes = {}

do
    local AT_ONCE = 1000    -- values in one command; Lua unpacks no more than some thousand

    function Writes.add(list, first, second)
        local n = list.n + 1
        list[n] = first
        if second then
            n = n + 1
            list[n] = second
        end
        list.n = n
    end

    -- Send what is in a list, and empty the list. Return the sum of what the command returned, nil if nothing was sent.
    function Writes.send(list, command, key, option)
        local n, sum = list.n, 0
        if n == 0 then
            return
        end
        list.n = 0
        for first = 1, n, AT_ONCE do
            local last = math.min(first + AT_ONCE - 1, n)
            if option then
                sum = sum + call(command, key, option, unpack(list, first, last))
            else
                sum = sum + call(command, key, unpack(list, first, last))
            end
        end
        return sum
    end
end

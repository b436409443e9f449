-- Tails: those of the records of queues (lib/records.lua) that say nothing but which shared limits a queue uses.
--
-- Many queues have the same one. What it says is kept between calls: that takes a fourth of what it takes to read it.

do
    local MAX_KNOWN = 4000
    local known, count = {}, 0      -- tail -> {text of settings or nil, names that were brought or nil, name of the row}

    -- Take up the tail of a queue that lives, if it is known. Return whether it is. Raise if a shared limit that it names is
    -- missing or damaged.
    function Tails.take_up(queue)
        local tail = has_shared and known[queue[TAIL]]
        if tail then
            queue[FEATURES], queue[HAS_LETTERS] = {s = tail.text, b = tail.brought}, false
            queue[USES] = Rows.named(tail.names)
        end
        return tail
    end

    -- Keep the tail of a queue that was just read, if it is such a one.
    function Tails.keep(queue)
        local features, row = queue[FEATURES], queue[USES]
        local first = next(features)
        if row and not queue[RULES] and (first == 's' or first == 'b') and next(features, first) == nil then
            if count == MAX_KNOWN then
                known, count = {}, 0
            end
            known[queue[TAIL]] = {text = features.s, brought = features.b, names = row.name}
            count = count + 1
        end
    end
end

-- Redrive or discard dead letters of a queue or of a type, the lowest numbers first.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 'redrive' or 'discard', 3 queue id or '', 4 the number after which it begins,
--       5 how many letters to look at, at most
-- Reply how many letters were redriven or discarded, how many are duplicates, how many are of damaged queues; the
--       number of the last letter that was looked at, -1 if there is none after it; the damaged queues, each with
--       the reason

local Redrive = {flags = {'allow-oom'}}

do
    local moves = {redrive = Redriving.redrive, discard = Letters.discard}

    -- Return up to `limit` letters after a number, each followed by its number.
    local function letters_behind(id, after, limit)
        local list = id == '' and LETTERS or Scope.key('deaths', id)
        return call('ZRANGE', list, '(' .. after, '+inf', 'BYSCORE', 'LIMIT', 0, integer(limit), 'WITHSCORES')
    end

    -- Move a letter of a queue. Return the outcome, and the size of its payload.
    local function move_letter(id, number, move)
        local letter = Letters.read(id, number)
        return move(id, letter), letter.size
    end

    local function run(id, after, limit, move)
        local counts, broken = {done = 0, duplicate = 0, broken = 0}, {}
        local found, reason = guarded(letters_behind, id, after, limit + 1)
        if not found then   -- the keys of the type are damaged: nothing can be done
            return id ~= '' and {0, 0, 1, -1, {id, reason}} or error(reason, 0)
        end
        local looked_at, bytes, number = 0, 0, -1
        while looked_at < math.min(limit, #found / 2) and bytes <= MAX_LETTER_BYTES do
            looked_at = looked_at + 1
            number = tonumber(found[2 * looked_at])
            local owner = id ~= '' and id or Dead.owner_of(found[2 * looked_at - 1])
            local outcome, size = guarded(move_letter, owner, number, move)
            if outcome then
                counts[outcome], bytes = counts[outcome] + 1, bytes + size
            else
                counts.broken = counts.broken + 1
                note_broken(broken, owner, size)
            end
        end
        return {counts.done, counts.duplicate, counts.broken, 2 * looked_at < #found and number or -1, broken}
    end

    function Redrive.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        local reply = run(args[3], args[4], tonumber(args[5]), moves[args[2]])
        Step.write()
        Totals.write()
        Wakeups.announce()
        return reply
    end
end

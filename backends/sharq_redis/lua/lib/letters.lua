-- Letters: find, read and remove dead letters.

local Letters = {}
local MAX_LETTER_BYTES = 8388608     -- bytes of payload that one call moves or drops

do
    -- Return the queue id of a letter, or nil.
    function Letters.queue_of(number)
        local member = call('ZRANGE', LETTERS, integer(number), integer(number), 'BYSCORE')[1]
        return member and Dead.owner_of(member)
    end

    -- Return the number of the newest letter of a job, or nil.
    function Letters.newest(id, job_id)
        local number = Queues.has_letters(id) and call('HGET', Scope.key('dead', id), job_id)
        if number then
            return tonumber(number) or error('its dead letters are damaged')
        end
    end

    -- Return a letter of a queue. Raise if it is missing. Its payload is not copied, since that is slow for large
    -- ones: it is the `size` bytes of `raw` from `payload_at` on.
    function Letters.read(id, number)
        local raw = Queues.has_letters(id) and call('HGET', Scope.key('dead', id), '#' .. integer(number))
        if not raw then
            error('dead letter ' .. integer(number) .. ' is missing')
        end
        local offset, letter = cmsgpack.unpack_limit(raw, 1, 0)
        if type(letter) ~= 'table' or letter[1] ~= LETTER_VERSION then
            error('a dead letter of it is damaged, or of another version')
        end
        local payload_at = (offset == -1 and #raw or offset) + 1
        return {
            number = number, job_id = letter[2], reason = letter[3], died_at = letter[4], attempts = letter[5],
            interval = letter[6], enqueued_at = letter[7], requeues = letter[8], tail = letter[9] or nil, brought = letter[10],
            raw = raw, payload_at = payload_at, size = #raw - payload_at + 1,
        }
    end

    -- Raise if the keys from which a letter is removed are damaged.
    function Letters.check(id)
        call('ZCARD', Scope.key('deaths', id))
        call('ZCARD', LETTERS)
    end

    -- Take a letter out of the chain of letters of its job: link the previous and the next one.
    local function unlink(letters, job_id, name)
        local links = call('HMGET', letters, '<' .. name, '>' .. name)
        local before, after = links[1], links[2]
        call('HDEL', letters, '#' .. name, '<' .. name, '>' .. name)
        if before and after then
            call('HSET', letters, '>' .. before, after, '<' .. after, before)
        elseif before then
            call('HSET', letters, job_id, before)
            call('HDEL', letters, '>' .. before)
        elseif after then
            call('HDEL', letters, '<' .. after)
        else
            call('HDEL', letters, job_id)
        end
    end

    -- Remove a letter of a queue. `check` was called before.
    function Letters.remove(id, letter)
        local name, deaths = integer(letter.number), Scope.key('deaths', id)
        unlink(Scope.key('dead', id), letter.job_id, name)
        call('ZREM', deaths, name)
        call('ZREM', LETTERS, Dead.member(letter.number, letter.died_at, id))
        if call('ZCARD', deaths) == 0 then
            Letters.note_none(id)
        end
    end

    -- Discard a letter of a queue: remove and count it. Return 'done'.
    function Letters.discard(id, letter)
        Letters.check(id)
        Letters.remove(id, letter)
        Totals.add('discarded', 1)
        return 'done'
    end

    -- Note that a queue has no dead letters any more.
    function Letters.note_none(id)
        call('UNLINK', Scope.key('dead', id), Scope.key('deaths', id))
        local queue = Queues.load(id)
        if queue and queue[HAS_LETTERS] then
            queue[HAS_LETTERS], queue[TIMED] = false, true
            Step.noted(queue)
        elseif not queue and Tombstones.has(id) then
            Tombstones.remove(id)
        end
    end
end

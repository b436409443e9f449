-- List the dead letters of a queue, or of a type.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 queue id, or '' for the type, 3 'newest' or 'oldest': which comes first, 4 'payload' or '',
--       5 how many at most, 6 bytes of payload that end the page, 7 the number at which the previous page ended, if
--       there was one
-- Reply the reason why the queue is damaged; or the number at which the page ended, 0 if it was the last; the damaged
--       queues whose letters were left out, each with the reason; then a list for each letter: its number, queue id,
--       job id, reason, when it died, and the job (lib/showing.lua)

local ListLetters = {flags = {'no-writes'}}

do
    local limit, newest_first, last         -- of this call

    -- Return up to `limit` members of a zset of letters, in the order of their numbers.
    local function members_of(zset)
        local number = last and '(' .. integer(last)
        if newest_first then
            return call('ZRANGE', zset, number or '+inf', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit + 1)
        end
        return call('ZRANGE', zset, number or '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, limit + 1)
    end

    -- Return a list of the numbers of the letters of a queue, and a list of their queue ids.
    local function of_queue(id)
        if not Queues.has_letters(id) then
            return {}, {}
        end
        local deaths, numbers, ids = Scope.key('deaths', id), {}, {}
        if call('ZCARD', deaths) == 0 then
            error('its dead letters are missing')
        end
        for at, number in ipairs(members_of(deaths)) do
            numbers[at], ids[at] = tonumber(number) or error('its dead letters are damaged'), id
        end
        return numbers, ids
    end

    -- The same for the letters of the type.
    local function of_type()
        local members, numbers, ids = members_of(LETTERS), {}, {}
        for at, member in ipairs(members) do
            numbers[at] = Line.number_in(member)
            ids[at] = select(2, Dead.parse_member(member))
        end
        Queues.prefetch_page(ids)
        return numbers, ids
    end

    local function read(id, number)
        return Letters.read(id, number)
    end

    local function list(id, with_payload, bytes)
        local numbers, ids = (id == '' and of_type or of_queue)(id)
        local broken, held = {}, 0
        local reply = {#numbers > limit and numbers[limit] or 0, broken}
        for at = 1, math.min(#numbers, limit) do
            local fine, letter = pcall(read, ids[at], numbers[at])
            if fine then
                held = held + letter.size
                if #reply > 2 and held > bytes then
                    reply[1] = numbers[at - 1]
                    break
                end
                reply[#reply + 1] = {numbers[at], ids[at], letter.job_id, letter.reason, letter.died_at,
                    Showing.dead(letter, with_payload)}
            elseif id == '' then
                broken[#broken + 1], broken[#broken + 2] = ids[at], reason_of(letter)
            else
                error(letter, 0)
            end
        end
        return reply
    end

    function ListLetters.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        newest_first, limit, last = args[3] == 'newest', tonumber(args[5]), tonumber(args[7])
        local reply, reason = guarded(list, args[2], args[4] == 'payload', tonumber(args[6]))
        return reply or reason
    end
end

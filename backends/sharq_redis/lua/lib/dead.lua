-- Dead letters: jobs that are delivered no more, kept with the reason.
--
-- A letter has a number that is unique in its type: the count of deaths in the type so far (lib/totals.lua).
--   dead     '#' number -> letter; job id -> the number of its newest letter. If a job id has several letters:
--            '<' number -> the number of its previous letter, '>' number -> the number of its next letter
--   deaths   number -> number
--   letters  of the type: number and time of death (6 bytes each), queue id -> number
-- A letter is one packed array {version, job id, reason, died at, attempts, interval, enqueued at, requeues,
-- the job's tail if it has one, else false where something follows, the names of the shared limits that were brought to
-- its queue (lib/terms.lua), where there are some} and then the payload.

local Dead = {}
local LETTER_VERSION = 2

do
    local MEMBER, MEMBER_LENGTH = '>I6I6', 12
    local latest, uncounted     -- of this call: the latest number; how many earlier deaths the totals do not count
    local checked               -- id of the queue whose keys were checked last
    local is_due                -- whether this call had `tend` look at the letters of the type
    local deaths, letters = {n = 0}, {n = 0}    -- to be written: `deaths` of one queue, and `letters`

    function Dead.begin()
        latest, checked, is_due = nil, nil, false
        deaths.n, letters.n = 0, 0
    end

    -- Return the member of `letters` for a letter.
    function Dead.member(number, died_at, id)
        return struct.pack(MEMBER, number, died_at) .. id
    end

    -- Return the queue id in a member of `letters`.
    function Dead.owner_of(member)
        return string.sub(member, MEMBER_LENGTH + 1)
    end

    -- Return the time of death and the queue id in a member of `letters`.
    function Dead.parse_member(member)
        local _, died_at = struct.unpack(MEMBER, member)
        return died_at, Dead.owner_of(member)
    end

    local function check_type()
        local highest = tonumber(call('ZRANGE', LETTERS, -1, -1, 'WITHSCORES')[2] or 0)
        local total = call('HGET', TOTALS, 'dead') or '0'
        if not string.find(total, '^%d+$') then
            error('the number of dead letters of its type is damaged')
        end
        latest = math.max(highest, tonumber(total))     -- someone may have removed the totals by hand
        uncounted = latest - tonumber(total)
    end

    -- Return the number of the newest letter of a job, or 0. Raise if a letter could not be added.
    function Dead.check(queue, job_id)
        local id = queue[ID]
        local newest = tonumber(call('HGET', Scope.key('dead', id), job_id) or 0)
        if not newest then
            error('its dead letters are damaged')
        end
        if not latest then
            check_type()
        end
        if checked ~= id then
            call('ZCARD', Scope.key('deaths', id))
            checked = id
        end
        return newest
    end

    local function next_number()
        latest = latest + 1
        Totals.add('dead', 1 + uncounted)
        uncounted = 0
        return latest
    end

    local function send_deaths()
        Writes.send(deaths, 'ZADD', Scope.key('deaths', deaths.id))
    end

    local function add(queue, job_id, reason, attempts, raw, payload_at, tail, before, requeues)
        local id, number = queue[ID], next_number()
        local key, name = Scope.key('dead', id), integer(number)
        local brought = queue[FEATURES] and queue[FEATURES].b
        local letter = cmsgpack.pack({LETTER_VERSION, job_id, reason, now, attempts, queue[INTERVAL],
            Bodies.enqueued_at(raw), requeues or (Bodies.parse(raw)), tail or (brought and false), brought})
        call('HSET', key, '#' .. name, letter .. string.sub(raw, payload_at), job_id, name)
        if before ~= 0 then
            call('HSET', key, '<' .. name, integer(before), '>' .. integer(before), name)
        end
        if deaths.id ~= id and deaths.n > 0 then
            send_deaths()
        end
        deaths.id = id
        Writes.add(deaths, name, name)
        Writes.add(letters, name, Dead.member(number, now, id))
        if not queue[HAS_LETTERS] then
            queue[HAS_LETTERS], queue[TIMED] = true, true
        end
    end

    -- Write the lists of letters that were added, and have `tend` look at them.
    function Dead.write()
        if deaths.n > 0 then
            send_deaths()
            Writes.send(letters, 'ZADD', LETTERS)
            if not is_due then
                is_due = true
                call('ZADD', DUE, 'LT', integer(now), Scope.type_name())
            end
        end
    end

    -- Keep a job as a dead letter, and remove it. `check` was called before, and returned `before`.
    -- `requeues`: the requeues left, if they differ from the stored ones.
    function Dead.bury(queue, job_id, reason, attempts, raw, payload_at, tail, before, requeues)
        add(queue, job_id, reason, attempts, raw, payload_at, tail, before, requeues)
        if tail and tail.k then
            Keys.outlive(queue[ID], tail.k, tail.u, job_id)
        end
        Bodies.remove(queue, job_id)
    end
end

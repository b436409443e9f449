-- Leases: who holds a job, and until when.
--
-- A lease is its version, fixed fields, two strings with their lengths (token, job id), and then a tail: what
-- a feature keeps of the leases that use it: the deduplication key of the job, and until when that is
-- remembered; and what it is charged to (lib/charging.lua). A server keeps a tail that it does not know as it is. The only
-- lease of a queue stands in its record. From the second on each is a field of the jobs' hash, '=' and the
-- job id, and the queue has a zset of them, number and job id -> expiry.

-- A lease in a call: its stored text, its fields, where its tail begins.
local PACKED, LEASE_VERSION, EXPIRY, JOB_NUMBER, ATTEMPT, LEASED_AT, TOKEN, JOB = 1, 2, 3, 4, 5, 6, 7, 8
local TAIL_AT = 9

local Expiring = {}

do
    local VERSION = 1
    local FIELDS = '>BI7I6I4I7Bc0Bc0'
    local A_MAP_OF_ONE = '\129'     -- as such a map begins that is packed

    local function parse(raw)
        local lease = {raw, struct.unpack(FIELDS, raw)}
        if lease[LEASE_VERSION] ~= VERSION then
            error('a lease of it is damaged, or of another version')
        end
        return lease
    end

    function Leases.only_job(queue)
        if queue[LEASE] ~= '' then
            return parse(queue[LEASE])[JOB]
        end
    end

    -- Return the lease of a job, or nil.
    function Leases.of(queue, job_id)
        if queue[LEASED] == 0 then
            return nil
        end
        local raw
        if queue[LEASE] ~= '' then
            raw = queue[LEASE]
        else
            raw = call('HGET', JOBS .. queue[ID], '=' .. job_id)
        end
        local lease = raw and parse(raw)
        return lease and lease[JOB] == job_id and lease or nil
    end

    local function write(queue, expiry, number, job_id, raw)
        call('ZADD', Scope.key('leases', queue[ID]), integer(expiry), Line.member(number, job_id))
        call('HSET', JOBS .. queue[ID], '=' .. job_id, raw)
    end

    -- Give a lease, for a job that may have a tail. With others this writes; if that raises, nothing has
    -- changed.
    function Leases.give(queue, token, expiry, number, attempt, job_id, job_tail)
        local raw = struct.pack(FIELDS, VERSION, expiry, number, attempt, now, #token, token, #job_id, job_id)
        local uses = has_shared and queue[USES]
        if job_tail and job_tail.k then
            raw = raw .. cmsgpack.pack({k = job_tail.k, u = job_tail.u, s = uses and uses.name or nil})
        elseif uses then
            raw = raw .. A_MAP_OF_ONE .. cmsgpack.pack('s', uses.name)      -- it takes no table
        end
        if queue[LEASED] == 0 then
            queue[LEASE] = raw
            if uses then
                queue[CHARGED] = uses
            end
        else
            write(queue, expiry, number, job_id, raw)
            if queue[LEASE] ~= '' then
                local other = parse(queue[LEASE])
                write(queue, other[EXPIRY], other[JOB_NUMBER], other[JOB], queue[LEASE])
                queue[LEASE] = ''
                if queue[CHARGED] then
                    Charging.list(queue, queue[CHARGED], 1)
                    queue[CHARGED] = nil
                end
            end
            if uses then
                Charging.list(queue, uses, 1)
            end
        end
        queue[LEASED], leases_more = queue[LEASED] + 1, leases_more + 1
        Expiring.note(queue, expiry)
    end

    -- Return the tail of a lease, nil if it has none.
    local function tail_of(lease)
        if lease[TAIL_AT] <= #lease[PACKED] then
            return (cmsgpack.unpack(string.sub(lease[PACKED], lease[TAIL_AT])))
        end
    end

    -- Return the name of the row whose shared limits a lease is charged to, '' if it is charged to none.
    function Leases.charged_to(lease)
        local tail = has_shared and tail_of(lease)
        return tail and tail.s or ''
    end

    -- Let a lease expire at another instant. Its only write comes first.
    function Leases.extend(queue, lease, expiry)
        local token, job_id = lease[TOKEN], lease[JOB]
        local raw = struct.pack(FIELDS, VERSION, expiry, lease[JOB_NUMBER], lease[ATTEMPT], lease[LEASED_AT],
            #token, token, #job_id, job_id) .. string.sub(lease[PACKED], lease[TAIL_AT])
        if queue[LEASE] ~= '' then
            queue[LEASE] = raw
        else
            write(queue, expiry, lease[JOB_NUMBER], job_id, raw)
        end
        queue[ENDED] = true     -- so that its queue is listed anew
        Expiring.note(queue, expiry)
    end

    -- Return the row whose shared limits a lease is charged to, false if it is charged to none.
    local function row_of(lease)
        local name = Leases.charged_to(lease)
        return name ~= '' and Rows.named(name)
    end

    -- If the job of a lease with a tail has a deduplication key, let the key outlive the job.
    function Leases.keep_key(queue, lease)
        local tail = tail_of(lease)
        if tail.k then
            Keys.outlive(queue[ID], tail.k, tail.u, lease[JOB])
        end
    end

    -- Find out to which row the only lease of a queue is charged that was just read. Raise if the row is damaged.
    function Leases.find_charged(queue)
        queue[CHARGED] = row_of(parse(queue[LEASE])) or nil
    end

    -- End a lease; its job is to follow, or goes along if it `is_over` and stands in a hash. The only write that may
    -- raise comes first.
    function Leases.take(queue, lease, is_over)
        local row
        if queue[LEASE] ~= '' then
            row, queue[LEASE], queue[CHARGED] = queue[CHARGED], '', nil
        else
            row = has_shared and row_of(lease)      -- raises if it is damaged
            local member = Line.member(lease[JOB_NUMBER], lease[JOB])
            if call('ZREM', Scope.key('leases', queue[ID]), member) == 0 then
                error('the lease of ' .. lease[JOB] .. ' is not listed')
            end
            if is_over then
                call('HDEL', JOBS .. queue[ID], '=' .. lease[JOB], lease[JOB])
            else
                call('HDEL', JOBS .. queue[ID], '=' .. lease[JOB])
            end
            if row then
                Charging.list(queue, row, -1)
            end
        end
        queue[LEASED], leases_more = queue[LEASED] - 1, leases_more - 1
        queue[ENDED] = true
        if row then
            Charging.give_back(row, 1)
        end
    end

    -- End all leases of a queue that is emptied.
    function Leases.drop_all(queue)
        if has_shared then
            Charging.give_back_all(queue)
        end
        leases_more = leases_more - queue[LEASED]
        queue[LEASED], queue[LEASE], queue[CHARGED] = 0, '', nil
    end

    -- End all leases of a queue that is emptied, and whose record does not tell how many there are. If the type went on
    -- counting them, they could keep its gate closed. A queue that had one lease only has no list.
    function Leases.drop_uncounted(id)
        local listed = try('ZCARD', Scope.key('leases', id))
        local count = type(listed) == 'number' and math.max(1, listed) or 1
        leases_more = leases_more - count
        Totals.add('revoked', count)
        Totals.add('lost', count)
    end

    -- Return the lease of a queue that expires first, else nil.
    function Leases.first(queue)
        if queue[LEASE] ~= '' then
            return parse(queue[LEASE])
        end
        local member = call('ZRANGE', Scope.key('leases', queue[ID]), 0, 0)[1]
        if member then
            local job_id = Line.id_in(member)
            return Leases.of(queue, job_id) or error('the lease of ' .. job_id .. ' is missing')
        elseif queue[LEASED] > 0 then
            error('its leases are missing')
        end
    end

    -- Return when the first lease of a queue expires, else nil.
    function Leases.first_expiry(queue)
        if queue[LEASE] ~= '' then
            return parse(queue[LEASE])[EXPIRY]
        end
        return first_instant(Scope.key('leases', queue[ID]))
    end
end

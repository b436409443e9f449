-- Receipts: finishes that succeeded, so that a repeated one is answered as the first was.
--
-- A receipt is token/queue id/job id with the instant until which it is kept. Sixteen zsets a type,
-- the shards, hold them. Each expires by itself, later than everything it holds. The token's first letter
-- names the shard; jobs that were dequeued together mostly share it, so that to finish them together writes
-- to few keys.

local Receipts = {}

do
    local SHARDS = 16
    local TRIMMED_RARELY = 8    -- a receipt that comes alone trims its shard this rarely
    local FOR_ANOTHER = 32      -- so many receipts in a call trim one shard more
    local given = {}            -- shard -> instant, receipt, ... to be written
    local names = {}            -- shard -> its number as text: to make that takes long
    local used = {n = 0}        -- the shards in which something is to be written
    local longest, most         -- the longest life given; how many receipts a shard may hold

    for shard = 0, SHARDS - 1 do
        given[shard], names[shard] = {n = 0}, shard .. ''
    end

    function Receipts.begin(most_in_a_shard)
        for at = 1, used.n do
            given[used[at]].n = 0
        end
        used.n, longest, most = 0, 0, most_in_a_shard
    end

    local function name(token, id, job_id)
        return token .. '/' .. id .. '/' .. job_id
    end

    local function shard_of(token)
        return string.byte(token) % SHARDS
    end

    function Receipts.has(token, id, job_id)
        Receipts.write()
        local shard = Scope.key('receipts', names[shard_of(token)])
        local kept = try('ZSCORE', shard, name(token, id, job_id))
        return type(kept) ~= 'table' and kept and tonumber(kept) >= now
    end

    function Receipts.keep(token, id, job_id, life)
        local shard = shard_of(token)
        local entries = given[shard]
        local n = entries.n
        if n == 0 then
            Writes.add(used, shard)
        end
        entries[n + 1], entries[n + 2], entries.n = integer(now + life), name(token, id, job_id), n + 2
        if life > longest then
            longest = life
        end
    end

    -- Let a shard lose at least as many as it was given, of those it need not keep.
    local function trim(shard, count)
        local excess = call('ZCARD', shard) - most
        local old = call('ZCOUNT', shard, '-inf', '(' .. integer(now))
        local drop = math.max(excess, math.min(old, count * TRIMMED_RARELY + 100))
        if drop > 0 then
            call('ZREMRANGEBYRANK', shard, 0, drop - 1)
        end
    end

    local function write_shard(shard, entries)
        local given_values = entries.n
        if not pcall(Writes.send, entries, 'ZADD', shard) then
            call('UNLINK', shard)       -- damaged
            entries.n = given_values
            Writes.send(entries, 'ZADD', shard)
        end
        keep(shard, longest + GRACE_MS)
        local count = given_values / 2
        if count > 1 or string.byte(entries[2], 2) % TRIMMED_RARELY == 0 then
            trim(shard, count)
        end
        return count
    end

    -- Let shards that were given nothing lose what they need not keep: else their old receipts would stay
    -- until it is their turn.
    local function trim_others(count)
        for further = 1, math.min(count / FOR_ANOTHER, SHARDS - 1) do
            pcall(trim, Scope.key('receipts', names[(used[used.n] + further) % SHARDS]), count)
        end
    end

    -- Write the receipts that were given since this was called last.
    function Receipts.write()
        local count = 0
        for at = 1, used.n do
            count = count + write_shard(Scope.key('receipts', names[used[at]]), given[used[at]])
        end
        if count >= FOR_ANOTHER then
            trim_others(count)
        end
        used.n = 0
    end
end

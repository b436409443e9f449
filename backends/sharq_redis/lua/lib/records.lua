-- The record of a queue: what is known of it but for its jobs. Read once a call, written at its end.
--
-- A record is cmsgpack values one after the other, and then its only lease (lib/leases.lua), so that a
-- finish of that one need not pack the rest anew. Here they stand behind what a call knows of the queue:
local ID, STORED, TOUCHED = 1, 2, 3         -- its id; whether it exists already, is to be written
local STANDS, STOOD_AT, SINCE = 4, 5, 6     -- has a place; stored number of it; ready since, if new
local READY_BEFORE = 7                      -- when its holds ended as it was read
local FIRST, ENDED = 8, 9                   -- first expiry given; whether a lease was ended
local RAW = 10                              -- as it was read, or false
local LEASE = 11                            -- its only lease, packed, or ''
local LEASE_AT = 12                         -- where that begins in what was read
local FORM = 13             -- version and form: IN_HASH or ALONE, where its jobs are (lib/bodies.lua)
local WAITING, LEASED = 14, 15              -- how many jobs; its only lease is stored as none
local PLACE = 16                            -- number of its place in the line (lib/line.lua)
local LAST, INTERVAL = 17, 18               -- its latest dequeue or NEVER; ms (lib/limits.lua)
local HEAD_PLACE, HEAD = 19, 20             -- place and id of the job that goes next
local MINUTE, ENQUEUES, DEQUEUES = 21, 22, 23   -- the latest minute that was counted (lib/counts.lua)
local OTHERS = 24                           -- other minutes, packed, or nil: a byte less

local IN_HASH, ALONE = 2, 3
local NEVER = -1
local CHANGED, UNLEASED = 1, 2              -- of TOUCHED; UNLEASED: but for its only lease, as it was read

local Records = {}
local Limits, Counts, Left = {}, {}, {}

do
    local VALUES = OTHERS - FORM + 1
    local loaded        -- queue id -> queue, or false if there is no such queue
    local kept, gone = {n = 0}, {n = 0}     -- to be written

    function Records.begin()
        loaded = {}
        kept.n, gone.n = 0, 0
    end

    function Records.parse(id, raw)
        local queue = {id, true, false, false, false, false, 0, false, false, raw, '',
            cmsgpack.unpack_limit(raw, VALUES, 0)}
        local form, at = queue[FORM], queue[LEASE_AT]
        if (form ~= IN_HASH and form ~= ALONE) or type(queue[HEAD]) ~= 'string'
            or type(queue[DEQUEUES]) ~= 'number' or type(queue[OTHERS] or '') ~= 'string' then
            error('its record is damaged')
        end
        if at ~= -1 then
            queue[LEASE], queue[LEASED] = string.sub(raw, at + 1), 1
        end
        return queue
    end

    function Records.pack(queue)
        if queue[LEASE] ~= '' then
            return cmsgpack.pack(queue[FORM], queue[WAITING], 0, unpack(queue, PLACE, OTHERS))
                .. queue[LEASE]
        end
        return cmsgpack.pack(unpack(queue, FORM, queue[OTHERS] and OTHERS or DEQUEUES))
    end

    local function take_up(id, raw)
        local queue = Records.parse(id, raw)
        if queue[WAITING] > 0 then
            queue[STANDS], queue[STOOD_AT] = true, queue[PLACE]
        end
        Limits.take_up(queue)
        loaded[id] = queue
        return queue
    end

    -- Note a queue that has come into being.
    function Records.note(queue)
        loaded[queue[ID]] = queue
    end

    -- Return a queue that exists, else false. Raises if its record is damaged.
    function Records.load(id)
        local queue = loaded[id]
        if queue == nil then
            local raw = call('HGET', QUEUES, id)
            queue = raw and take_up(id, raw) or false
            loaded[id] = queue
        end
        return queue
    end

    -- Read the records of many queues in one go; each item begins with a queue id. A damaged record is
    -- met again, and told, by `load`.
    function Records.prefetch_for(items, first)
        local ids = {}
        for at = first, #items do
            local _, id = cmsgpack.unpack_limit(items[at], 1, 0)
            ids[#ids + 1] = id
        end
        Records.prefetch(ids)
    end

    function Records.prefetch(ids)
        local raws = call('HMGET', QUEUES, unpack(ids))
        for at = 1, #ids do
            local id = ids[at]
            if loaded[id] == nil then
                if raws[at] then
                    pcall(take_up, id, raws[at])
                else
                    loaded[id] = false
                end
            end
        end
    end

    -- Have a record written by `write`. A queue without jobs ceases to exist.
    function Records.collect(queue)
        local id = queue[ID]
        if queue[WAITING] > 0 or queue[LEASED] > 0 then
            if queue[TOUCHED] == UNLEASED and queue[RAW] then
                Writes.add(kept, id, string.sub(queue[RAW], 1, queue[LEASE_AT]))
            else
                Writes.add(kept, id, Records.pack(queue))
                queue[RAW] = false
            end
            queue[STORED] = true
            return
        end
        queue[HEAD_PLACE], queue[HEAD], queue[PLACE] = 0, '', 0
        if queue[STORED] then
            Writes.add(gone, id)
        end
        Left.leave(queue)
        loaded[id] = nil
    end

    -- Let a type go that has no queue any more.
    function Records.forget_empty_type()
        if call('EXISTS', QUEUES) == 0 then
            call('DEL', NUMBER)
            call('SREM', TYPES, Scope.type_name())
            if own_time then    -- else what its queues left behind is still to be removed
                call('ZREM', DUE, Scope.type_name())
            end
        end
    end

    function Records.write()
        Writes.send(kept, 'HSET', QUEUES)
        if Writes.send(gone, 'HDEL', QUEUES) then
            Records.forget_empty_type()
        end
    end
end

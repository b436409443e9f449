-- The queues of a call: their records are read once, and written at the end of a step.

local Queues = {}
local Terms, Line, Counts, Left, Times, Step = {}, {}, {}, {}, {}, {}
local Tombstones, Types, Gate, Defaults = {}, {}, {}, {}
local type_settings     -- what is set for the type of this call, as it is stored, or false (lib/gate.lua)
local Shared, Rows, RowWrites, Benches, Using, Charging = {}, {}, {}, {}, {}, {}
local Naming, Tails, Leases = {}, {}, {}
local has_gate          -- whether the type of this call has a gate (lib/gate.lua)
local defaults_version  -- of the defaults of the type, 0 if it has none (lib/defaults.lua)
local leases_more       -- how many leases this call has given, less those that it has ended
local MAX_PREFETCHED = 1000     -- records of a page that are read in one command; Lua cannot unpack many more

do
    local loaded        -- queue id -> queue, or false if there is no such queue
    local kept, gone = {n = 0}, {n = 0}     -- to be written

    function Queues.begin()
        loaded = {}
        Tombstones.begin()
        kept.n, gone.n = 0, 0
    end

    local function take_up(id, raw, is_ready)
        local queue = Records.parse(id, raw)
        if queue[TAIL] ~= '' and not Tails.take_up(queue) then
            Times.read(queue)
            Terms.read(queue, true)
        end
        if queue[WAITING] > 0 or queue[DUE_AT] then
            queue[STANDS], queue[STOOD_AT] = true, queue[PLACE]
            if has_shared and queue[USES] then
                queue[ROW], queue[STOOD_IN] = queue[USES], queue[USES]
            end
        elseif queue[LEASED] == 0 then
            Tombstones.note(id)
            return false
        end
        if has_shared then
            if queue[LEASE] ~= '' then
                Leases.find_charged(queue)
            end
            Defaults.check(queue)
        end
        Terms.take_up(queue, is_ready)
        return queue
    end

    -- Note a queue that has come into being.
    function Queues.note(queue)
        loaded[queue[ID]] = queue
    end

    -- Return a queue that exists, else false. `is_ready`: its place in the line says that it is ready. Raises if its
    -- record is damaged.
    function Queues.load(id, is_ready)
        local queue = loaded[id]
        if queue == nil then
            local raw = call('HGET', QUEUES, id)
            queue = raw and take_up(id, raw, is_ready) or false
            loaded[id] = queue
        end
        return queue
    end

    -- Return whether a queue has dead letters. Raises as `load` does.
    function Queues.has_letters(id)
        local queue = Queues.load(id)
        if queue then
            return queue[HAS_LETTERS]
        end
        return Tombstones.has(id)
    end

    local function take_up_all(ids, raws, count, are_ready)
        for at = 1, count do
            local id, raw = ids[at], raws[at]
            if loaded[id] == nil then
                loaded[id] = raw and take_up(id, raw, are_ready)
            end
        end
    end

    -- Read the records of the first `count` of a list of queue ids in one go. A damaged one ends this early:
    -- `load` meets it again, and reads those behind it.
    function Queues.prefetch(ids, count, are_ready)
        pcall(take_up_all, ids, call('HMGET', QUEUES, unpack(ids, 1, count)), count, are_ready)
    end

    -- Do so for the queues of items, unless there is one only. Each item takes `fields` values of a list, the
    -- first of which is its queue id.
    function Queues.prefetch_of(values, fields)
        local count = #values / fields
        if count > 1 then
            local ids = {}
            for at = 1, count do
                ids[at] = values[(at - 1) * fields + 1]
            end
            Queues.prefetch(ids, count)
        end
    end

    -- Do so for the queues of a page, unless there is one only.
    function Queues.prefetch_page(ids)
        if #ids > 1 then
            Queues.prefetch(ids, math.min(#ids, MAX_PREFETCHED))
        end
    end

    -- Have the record of a queue removed that has neither jobs nor dead letters.
    function Queues.remove(id)
        Writes.add(gone, id)
    end

    -- Note that a queue without jobs ceases to exist.
    local function drop(queue)
        queue[HEAD_PLACE], queue[HEAD], queue[PLACE] = 0, '', 0
        if queue[HAS_LETTERS] then
            Writes.add(kept, queue[ID], Tombstones.put_up(queue[ID], not queue[BURIED]))
        elseif queue[BURIED] then
            Tombstones.remove(queue[ID])
        elseif queue[STORED] then
            Writes.add(gone, queue[ID])
        end
        Left.leave(queue)
        loaded[queue[ID]] = false
    end

    -- Have a record written without the only lease, and nothing else of it.
    function Queues.keep_without_lease(queue)
        local n = kept.n
        kept[n + 1], kept[n + 2], kept.n = queue[ID], Records.without_lease(queue), n + 2
    end

    -- Write the records of the first `count` of a list of queues that were changed.
    function Queues.write(changed, count)
        for at = 1, count do
            local queue = changed[at]
            if queue[WAITING] == 0 and queue[LEASED] == 0 and not queue[DUE_AT] then
                drop(queue)
            else
                if has_shared then
                    Naming.count(queue, true)
                end
                local n = kept.n
                kept[n + 1], kept[n + 2], kept.n = queue[ID], Records.pack(queue), n + 2
                queue[STORED], queue[RAW] = true, false
                if queue[BURIED] then
                    Tombstones.take_down(queue)
                end
            end
            queue[TOUCHED] = false
        end
        Writes.send(kept, 'HSET', QUEUES)
        if Writes.send(gone, 'HDEL', QUEUES) then
            if call('EXISTS', QUEUES) == 0 then
                Types.finish()
            end
        end
    end
end

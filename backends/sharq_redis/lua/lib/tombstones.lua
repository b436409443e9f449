-- Tombstones: records of queues that have dead letters but no jobs.
--
-- They stand in the index of a type's queues, so that the index names all queues that have jobs or dead letters.
-- `Queues.load` treats such a queue as one that does not exist. A tombstone is a record that says only that there
-- are dead letters. The totals count tombstones.
--
-- The record of a queue that exists says in its tail (lib/times.lua) whether it has dead letters. So queues without
-- dead letters cost no extra command.

do
    local found     -- ids of the queues of this call that have a tombstone, nil if none has
    local record    -- the record of every tombstone: all are equal

    function Tombstones.begin()
        found = nil
    end

    -- Note that the record of a queue is a tombstone.
    function Tombstones.note(id)
        found = found or {}
        found[id] = true
    end

    -- Return whether a queue that was loaded has a tombstone.
    function Tombstones.has(id)
        return found ~= nil and found[id] == true
    end

    -- Return the tombstone of a queue that ceases to exist and has dead letters. `is_new`: it had none before.
    function Tombstones.put_up(id, is_new)
        if not record then
            local nobody = Records.fresh('', 0)
            nobody[TAIL] = cmsgpack.pack({l = 1})
            record = Records.pack(nobody)
        end
        Tombstones.note(id)
        Totals.add('tombstones', is_new and 1 or 0)
        return record
    end

    -- Note that a queue that had a tombstone came into being.
    function Tombstones.take_down(queue)
        found[queue[ID]], queue[BURIED] = nil, false
        Totals.add('tombstones', -1)
    end

    -- Have the tombstone of a queue removed.
    function Tombstones.remove(id)
        found[id] = nil
        Queues.remove(id)
        Totals.add('tombstones', -1)
    end
end

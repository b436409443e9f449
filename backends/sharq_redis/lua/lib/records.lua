-- The record of a queue: what is stored of it but for its jobs, and how that is packed.
--
-- A record is one byte, numbers, two strings with their lengths (the head's id, other minutes), then, if the
-- queue has one, a tail with its length, and then its only lease (lib/leases.lua), so that a finish of that
-- one need not pack the rest anew.
--
-- The tail is a packed map, in a call FEATURES. What a feature keeps of the queues that use it stands there, so
-- that the others pay nothing. A server keeps a tail that it does not know as it is.
--
-- A call holds a record as a table: first what it knows of the queue, then the fields as they are stored.
local ID, STORED, TOUCHED = 1, 2, 3         -- its id; whether it exists already, is to be written
local STANDS, STOOD_AT, SINCE = 4, 5, 6     -- has a place; stored number of it; ready since, if new
local READY_BEFORE = 7                      -- when its holds ended as it was read
local FIRST, ENDED = 8, 9                   -- first expiry given; whether a lease was ended
local RAW = 10                              -- as it was read, or false
local LEASE = 11                            -- its only lease, packed, or ''
local TAIL = 12                             -- packed, or ''
local RULES = 13                            -- see lib/terms.lua; false for most queues
local DUE_AT, ENDS_AT, TIMED, FEATURES, UNLISTED = 14, 15, 16, 17, 18   -- see lib/times.lua; nil for most queues
local HAS_LETTERS, BURIED = 19, 20          -- see lib/tombstones.lua; nil for most queues
local RETAILED = 21                         -- whether FEATURES is to be packed anew; nil for most queues
local KEPT = 22                             -- whether it is only what is kept of one (lib/left.lua); nil for most queues
-- Of queues that use shared limits, or did; nil for most queues:
local USES = 23                             -- the row whose shared limits it uses now (lib/rows.lua)
local ROW, STOOD_IN = 24, 25                -- the row in which it has its place, now and as it is stored
local NEW_IN = 26                           -- the row that knows of a place of it that is not yet written
local NAMED = 27                            -- what it names, as was counted (lib/naming.lua)
local CHARGED = 28                          -- the row to which its only lease is charged (lib/charging.lua)
-- What is stored:
local FORM = 29                             -- IN_HASH or ALONE: where its jobs are (lib/bodies.lua)
local WAITING, LEASED = 30, 31              -- how many jobs; its only lease is stored as none
local PLACE = 32                            -- number of its place in the line (lib/line.lua)
local LAST, INTERVAL = 33, 34               -- its latest dequeue or NEVER; ms (lib/terms.lua)
local HEAD_PLACE = 35                       -- place of the job that goes next
local MINUTE, ENQUEUES, DEQUEUES = 36, 37, 38   -- the latest minute that was counted (lib/counts.lua)
local HEAD = 39                             -- id of the job that goes next
local OTHERS = 40                           -- other minutes, packed, or ''
local LEASE_AT = 41                         -- where its only lease begins in what was read

local IN_HASH, ALONE = 0, 1
local NEVER = -1

local Records = {}

do
    -- The first byte is the version times 16, plus 1 for ALONE, 2 for a tail, and the layout of what follows.
    -- Most queues go with a narrow one, half as long: one without `last`, one with it. That is stored as one
    -- more, for 0 is NEVER.
    local VERSION, WITH_TAIL = 16, 2
    local NEVER_DEQUEUED, NARROW, WIDE = 0, 4, 8
    local LAYOUTS = {
        [NEVER_DEQUEUED] = '>BBBI4I0I3I4I4BBBc0Bc0',
        [NARROW] = '>BBBI4I6I3I4I4BBBc0Bc0',
        [WIDE] = '>BI4I4I6I7I6i7I4I4I4Bc0Bc0',
    }
    local A_TAIL = '>I2c0'

    local layout_of = {}    -- first byte -> layout
    for layout = NEVER_DEQUEUED, WIDE, NARROW do
        for flags = 0, ALONE + WITH_TAIL do
            layout_of[VERSION + layout + flags] = LAYOUTS[layout]
        end
    end

    -- Return a queue that has just come into being.
    function Records.fresh(id, interval)
        return {id, false, false, false, false, false, 0, false, false, false, '', '', false,
            nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, ALONE, 0, 0, 0, NEVER, interval, 0, 0, 0, 0, '', '', 0}
    end

    function Records.parse(id, raw)
        local fields = layout_of[string.byte(raw)] or error('its record is damaged, or of another version')
        local queue = {id, true, false, false, false, false, 0, false, false, raw, '', '', false,
            nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, struct.unpack(fields, raw)}
        local flags, at = queue[FORM] % 4, queue[LEASE_AT]
        if flags >= WITH_TAIL then
            queue[TAIL], at = struct.unpack(A_TAIL, raw, at)
            queue[LEASE_AT] = at
        end
        queue[FORM], queue[LAST] = flags % 2, queue[LAST] - 1
        if at <= #raw then
            queue[LEASE], queue[LEASED] = string.sub(raw, at), 1
        end
        return queue
    end

    function Records.pack(queue)
        local waiting, leased, place, last = queue[WAITING], queue[LEASED], queue[PLACE], queue[LAST] + 1
        local interval, head_place = queue[INTERVAL], queue[HEAD_PLACE]
        local enqueues, dequeues = queue[ENQUEUES], queue[DEQUEUES]
        local lease, tail, head, others = queue[LEASE], queue[TAIL], queue[HEAD], queue[OTHERS]
        if queue[RETAILED] then
            tail = next(queue[FEATURES]) and cmsgpack.pack(queue[FEATURES]) or ''
            queue[TAIL], queue[RETAILED] = tail, false
        end
        local layout = last == 0 and NEVER_DEQUEUED or NARROW
        if waiting >= 2 ^ 8 or leased >= 2 ^ 8 or place >= 2 ^ 32 or last >= 2 ^ 48 or interval >= 2 ^ 24
            or head_place >= 2 ^ 32 or head_place < 0 or enqueues >= 2 ^ 8 or dequeues >= 2 ^ 8 then
            layout = WIDE
        end
        local first = VERSION + layout + queue[FORM] + (tail ~= '' and WITH_TAIL or 0)
        local packed = struct.pack(LAYOUTS[layout], first, waiting, lease ~= '' and 0 or leased, place, last,
            interval, head_place, queue[MINUTE], enqueues, dequeues, #head, head, #others, others)
        if tail ~= '' then
            return packed .. struct.pack(A_TAIL, #tail, tail) .. lease
        end
        return packed .. lease
    end

    -- Return what was read without the only lease.
    function Records.without_lease(queue)
        return string.sub(queue[RAW], 1, queue[LEASE_AT] - 1)
    end
end

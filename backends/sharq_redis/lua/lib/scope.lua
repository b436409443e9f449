-- The scope of a call: the names of all keys.
--
-- Every key of a bucket hangs from one hash tag, {prefix:017}. Parts of a key are joined by '/',
-- which no name can hold. KEYS, the same for every verb on a queue type; a key costs more to hand over
-- than to name:
--   1 tag/never/<database>   never exists: it makes a node that is handing the slot over refuse the call
--   2 tag/queues/<type>      hash    queue id -> record (lib/records.lua): the queues that exist, and those that
--                                    have only dead letters (lib/tombstones.lua)
-- Keys that this file names:
--   tag/types                  set     the types of the bucket that have a queue or a dead letter
--   tag/due                    zset    type -> when `tend` has something to do there
--   tag/line/<type>            zset    place -> ready since, where jobs wait (lib/line.lua); entries (lib/shared.lua)
--   tag/expiring/<type>        zset    queue id -> its first lease's expiry (lib/expiring.lua)
--   tag/timers/<type>          zset    queue id -> when the first of its delayed jobs is due, or of its ttls ends
--   tag/idle/<type>            zset    queue id -> when what it left behind may go (lib/left.lua)
--   tag/number/<type>          string  the latest job or place number; goes with the last queue
--   tag/totals/<type>          hash    what was counted of the type (lib/totals.lua); kept for a day after it ended
--   tag/settings/<type>        string  what is set for the type, if anything is (lib/gate.lua)
--   tag/gate/<type>            string  what the gate of the type owes (lib/gate.lua)
--   tag/limits/<type>          hash    name -> shared limit (lib/shared.lua); only where there are some, as the next
--   tag/names/<type>           zset    the names of the shared limits, in order
--   tag/rows/<type>            zset    the rows that are not empty, in order (lib/rows.lua)
--   tag/row/<type>/<names>     zset    a row, of one or two names: place -> ready since, as in the line
--   tag/bench/<type>/<name>    zset    the rows of two names on the bench of a shared limit (lib/benches.lua)
--   tag/walk/<type>            string  how far changed defaults have come along the line (lib/defaults.lua)
--   tag/letters/<type>         zset    all dead letters of the type -> their numbers (lib/dead.lua)
--   tag/wake/<database>/<type>         no key: the channel of lib/wakeups.lua
--   tag/one/<type>/<queue>     string  the job of a queue that has had no other yet (lib/bodies.lua)
--   tag/jobs/<type>/<queue>    hash    job id -> job; '=' job id -> lease
--   tag/rest/<type>/<queue>    zset    job id -> its place, the jobs that wait behind the head
--   tag/leases/<type>/<queue>  zset    number and job id -> expiry, from the second lease on
--   tag/delayed/<type>/<queue> zset    its delayed jobs -> when they are due (lib/times.lua)
--   tag/ending/<type>/<queue>  zset    number and job id -> end of the ttl, of jobs that are not leased
--   tag/key/<type>/<queue>/<key>  string  the job remembered under a key (lib/keys.lua); expires
--   tag/left/<type>/<queue>    string  record of a queue that ceased to exist; expires (lib/left.lua)
--   tag/dead/<type>/<queue>    hash    its dead letters
--   tag/deaths/<type>/<queue>  zset    the numbers of these, each with itself as its score
--   tag/receipts/<type>/<0-15> zset    receipts (lib/receipts.lua); expires
--   tag/attempt/<type>/<id>    string  a dequeue that may be repeated (lib/attempts.lua); expires
--   tag/clock                  string  the latest instant that a pass has seen (verbs/clock.lua)
--   tag/minutes/<minute>       hash    minute counts of the bucket (lib/counts.lua); expires
-- ARGV[1] is the time in ms, or '' for the server's own.

local TYPES, DUE, QUEUES, LINE, EXPIRING, TIMERS, IDLE, NUMBER, CHANNEL     -- names, of the type
local TOTALS, LETTERS, SETTINGS, GATE, WALK
local LIMITS, NAMES, ROWS       -- likewise, where the type has shared limits
local has_shared                -- whether the type of this call has some (lib/shared.lua)
local Scope = {}
local ONE, JOBS, REST       -- names, without the queue id, of the keys that almost every job needs

do
    local never, tag, type_name, stem

    local function name_keys(keys)
        never, QUEUES = keys[1], keys[2]
        local database
        tag, database = string.match(never, '^(.*})/never/(.*)$')
        type_name = string.sub(QUEUES, #tag + #'/queues/' + 1)
        stem = '/' .. type_name
        TYPES, DUE = tag .. '/types', tag .. '/due'
        LINE, EXPIRING, IDLE = tag .. '/line' .. stem, tag .. '/expiring' .. stem, tag .. '/idle' .. stem
        TIMERS = tag .. '/timers' .. stem
        TOTALS, LETTERS = tag .. '/totals' .. stem, tag .. '/letters' .. stem
        SETTINGS, GATE, WALK = tag .. '/settings' .. stem, tag .. '/gate' .. stem, tag .. '/walk' .. stem
        NUMBER, CHANNEL = tag .. '/number' .. stem, tag .. '/wake/' .. database .. stem
        stem = stem .. '/'
        ONE, JOBS, REST = tag .. '/one' .. stem, tag .. '/jobs' .. stem, tag .. '/rest' .. stem
    end

    -- Begin a call on a type.
    function Scope.begin(keys, args)
        Instant.read(args[1])
        if keys[2] ~= QUEUES or keys[1] ~= never then   -- another type than the latest call
            name_keys(keys)
        end
    end

    -- Name the keys of a type that has shared limits.
    function Scope.share()
        LIMITS, NAMES, ROWS = tag .. '/limits/' .. type_name, tag .. '/names/' .. type_name, tag .. '/rows/' .. type_name
    end

    function Scope.type_name()
        return type_name
    end

    -- Name a key of a queue of the type, or another key of the type.
    function Scope.key(kind, name)
        return tag .. '/' .. kind .. stem .. name
    end

    function Scope.bucket_key(kind, name)
        return tag .. '/' .. kind .. '/' .. name
    end
end

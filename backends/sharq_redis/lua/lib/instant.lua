-- The instant of a call, and what every other file needs: Redis's functions, numbers as text, the first
-- instant in a zset, lifetimes of keys, and calls that may fail.

-- A local is found several times as fast as a global of a library. The first call takes these over, for
-- they are not there yet when a library is loaded.
local function globals()
    return redis.call, redis.pcall, string, table, math, struct, cmsgpack, cjson, pcall, error, type, tonumber, unpack,
        next
end
local call, try, string, table, math, struct, cmsgpack, cjson, pcall, error, type, tonumber, unpack, next

local MINUTE_MS = 60000
local GRACE_MS = 60000          -- by how much an expiry outlasts what it guards
local QUARANTINE_MS = 60000     -- how long a damaged queue is passed over
local NO_END = 1 / 0            -- an instant that does not come

local now, minute               -- of this call
local own_time                  -- whether the time is the server's own

local Instant = {}

-- Take the time that was handed in, or else the server's own.
function Instant.read(given)
    if not call then
        call, try, string, table, math, struct, cmsgpack, cjson, pcall, error, type, tonumber, unpack, next = globals()
    end
    now = tonumber(given)
    own_time = not now
    if own_time then
        local time = call('TIME')
        now = time[1] * 1000 + math.floor(time[2] / 1000)
    end
    minute = math.floor(now / MINUTE_MS)
end

local integer   -- returns an integer as text

do
    local latest, text      -- in a batch the same number often comes many times in a row

    -- Redis 7.0 takes twice as long to make text of a number.
    function integer(number)
        if number == 1 then     -- a call for one job asks for it several times
            return '1'
        elseif number ~= latest then
            latest, text = number, string.format('%d', number)
        end
        return text
    end
end

-- Return the first instant in a zset, nil if the zset is empty.
local function first_instant(zset)
    return tonumber(call('ZRANGE', zset, 0, 0, 'WITHSCORES')[2])
end

-- Keys expire by the server's own time only: where the time is handed in, they stay.

-- Let a key live for at least so many ms from now. It gets more, so that this is seldom done.
local function keep(key, life)
    if own_time and call('PTTL', key) < life then
        call('PEXPIRE', key, integer(life + GRACE_MS))
    end
end

local function set_to_expire(key, value, life)
    if own_time then
        call('SET', key, value, 'PX', integer(life))
    else
        call('SET', key, value)
    end
end

local function reason_of(failure)
    return type(failure) == 'table' and failure.err or tostring(failure)
end

-- Run `act(...)` for one queue. If its keys are damaged, return false and the reason instead, so
-- that no other queue suffers. `act` reads and checks all it needs before it writes.
local function guarded(act, ...)
    local fine, first, second = pcall(act, ...)
    if fine then
        return first, second
    end
    return false, reason_of(first)
end

-- Add a damaged queue and the reason to a list, unless it is already the last one there.
local function note_broken(broken, id, reason)
    if broken[#broken - 1] ~= id then
        broken[#broken + 1], broken[#broken + 2] = id, reason
    end
end

-- Run `act()`, and again each time that it fails, with `failed(reason)` in between.
local function guard_all(act, failed)
    local fine, failure = pcall(act)
    while not fine do
        failed(reason_of(failure))
        fine, failure = pcall(act)
    end
end

local guard_each    -- does what `guarded` does, for one item after the other

do
    local current, last, act, failed

    local function run()
        while current < last do
            current = current + 1
            act(current)
        end
    end

    local function fail(reason)
        failed(current, reason)
    end

    -- Run `act_on(at)` for each `at` from `first` to `to`, and `tell(at, reason)` where that fails. One
    -- protected call serves all items up to the next that fails.
    function guard_each(first, to, act_on, tell)
        current, last, act, failed = first - 1, to, act_on, tell
        guard_all(run, fail)
    end
end

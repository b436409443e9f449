-- Send each command that a dequeue or a finish may send, on keys of a type without a name, and leave
-- nothing behind. So this fails where they would.
-- KEYS  those of a type without a name (lib/scope.lua)
-- ARGV  1 the time or ''
-- Reply the time

local Check = {flags = {'allow-oom'}}

do
    local function try_a_hash(hash)
        call('HSET', hash, 'a', '1', 'b', '2')
        call('HINCRBY', hash, 'a', 1)
        call('HGET', hash, 'a')
        call('HMGET', hash, 'a', 'b')
        call('HEXISTS', hash, 'a')
        call('HDEL', hash, 'a')
    end

    local function try_a_zset(zset)
        call('ZADD', zset, 1, 'a', 2, 'b', 3, 'c')
        call('ZRANGE', zset, 0, 0)
        call('ZSCORE', zset, 'a')
        call('ZCARD', zset)
        call('ZCOUNT', zset, 1, 2)
        call('ZREM', zset, 'a')
        call('ZPOPMIN', zset)
        call('ZREMRANGEBYRANK', zset, 0, 0)
    end

    local function try_a_string(text)
        call('SET', text, '1')
        call('INCRBY', text, 1)
        call('GET', text)
        call('PTTL', text)
        call('PEXPIRE', text, 60000)
        call('EXISTS', text)
    end

    function Check.run(keys, args)
        Scope.begin(keys, args)
        local hash, zset = Scope.key('check', 'hash'), Scope.key('check', 'zset')
        local text, set = Scope.key('check', 'text'), Scope.key('check', 'set')
        call('DEL', hash, zset, text, set)
        try_a_hash(hash)
        try_a_zset(zset)
        try_a_string(text)
        call('SREM', set, 'a')
        call('UNLINK', hash, zset, text)
        return now
    end
end

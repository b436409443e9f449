#!lua flags=allow-oom
-- Send each command that a dequeue or a finish may send, on keys of a type without a name, and
-- leave nothing behind. So this fails where they would.
-- Reply the time

local hash, zset, text = key_of('check', 'hash'), key_of('check', 'zset'), key_of('check', 'text')
call('DEL', hash, zset, text)

call('HSET', hash, 'a', '1', 'b', '2')
call('HINCRBY', hash, 'a', 1)
call('HGET', hash, 'a')
call('HMGET', hash, 'a', 'b')
call('HEXISTS', hash, 'a')
call('HDEL', hash, 'a')

call('ZADD', zset, 1, 'a', 2, 'b', 3, 'c')
call('ZRANGE', zset, 0, 0)
call('ZSCORE', zset, 'a')
call('ZCARD', zset)
call('ZCOUNT', zset, 1, 2)
call('ZREM', zset, 'a')
call('ZPOPMIN', zset)
call('ZREMRANGEBYRANK', zset, 0, 0)

call('SET', text, '1')
call('INCRBY', text, 1)
call('GET', text)
call('PEXPIRE', text, 60000, 'GT')
call('EXISTS', text)

call('DEL', hash, zset, text)
return now

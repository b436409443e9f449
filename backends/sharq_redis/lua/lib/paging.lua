-- Paging: find where a page of a zset begins, even if the last member of the previous page is gone.

local Paging = {}

do
    -- Return the rank of the first member behind a position: one with a higher score, or one with this score for
    -- which `is_behind(member)` holds. It is a binary search, so it reads few members even if many have the score.
    function Paging.rank_behind(zset, score, is_behind)
        local low = call('ZCOUNT', zset, '-inf', '(' .. integer(score))
        local high = call('ZCOUNT', zset, '-inf', integer(score))
        while low < high do
            local middle = math.floor((low + high) / 2)
            if is_behind(call('ZRANGE', zset, middle, middle)[1]) then
                high = middle
            else
                low = middle + 1
            end
        end
        return low
    end

    -- Return how many members of a zset have this score or a lower one.
    function Paging.rank_above(zset, score)
        return call('ZCOUNT', zset, '-inf', integer(score))
    end

    -- Return the rank of the first member behind a given one, which may be gone, or have another score now.
    function Paging.rank_next_to(zset, score, member)
        local mark = member .. '\0'     -- sorts next to it
        call('ZADD', zset, score, mark)
        local rank = call('ZRANK', zset, mark)
        call('ZREM', zset, mark)
        return rank
    end

    -- Return up to `count` members from a rank on, each followed by its score.
    function Paging.members(zset, rank, count)
        if count <= 0 then
            return {}
        end
        return call('ZRANGE', zset, rank, rank + count - 1, 'WITHSCORES')
    end
end

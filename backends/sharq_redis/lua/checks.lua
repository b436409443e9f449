-- What is looked at before anything is written.

local function must_be(kind, key)
    local found = call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then
        error('WRONGTYPE ' .. key .. ' is a ' .. found, 0)
    end
    return true
end

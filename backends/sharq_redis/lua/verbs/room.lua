-- Do nothing. It is refused when memory is full, as an enqueue is.
-- Reply 1

local Room = {flags = {}}

function Room.run()
    return 1
end

#!lua
-- Do nothing. It is refused when memory is full, as an enqueue is.
-- Reply the time

return now

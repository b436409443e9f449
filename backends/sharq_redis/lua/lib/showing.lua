-- Showing: a job in the reply of `find` and of the listings of jobs and letters.
--
-- It is a list: state, attempts, when it is due, when its lease expires, how many stand before it (each -1 if it does
-- not apply), where its payload begins, the job (lib/bodies.lua), with its payload if that was asked for. The payload
-- of a dead job is in its letter: then two more values are where it begins in the letter, and the letter. Where `find`
-- shows a job that waits or is delayed, three more values are the holds that stand (lib/holds.lua), the instant before which
-- it does not go, or -1, and the holds of its type.

local Showing = {}

do
    local function shown(with_payload, raw, payload_at, state, attempts, due_at, expires_at, position)
        local job = with_payload and raw or string.sub(raw, 1, payload_at - 1)
        return {state, attempts, due_at or -1, expires_at or -1, position or -1, payload_at, job}
    end

    -- Show a job that waits or is delayed until `due_at`.
    function Showing.unleased(raw, position, due_at, with_payload)
        local _, attempts, payload_at = Bodies.parse(raw)
        if due_at and due_at > now then
            return shown(with_payload, raw, payload_at, 'delayed', attempts, due_at, nil, position)
        end
        return shown(with_payload, raw, payload_at, 'waiting', attempts, nil, nil, position)
    end

    -- Show why a job that waits, or is delayed until `due_at`, does not go, and when it may. `place`: see
    -- lib/foresight.lua.
    function Showing.explain(reply, queue, place, due_at)
        reply[8] = Terms.holds(queue, due_at or 0)
        reply[9], reply[10] = Foresight.earliest_at(queue, place, due_at), (Gate.holds())
        return reply
    end

    -- Show a job that is leased.
    function Showing.leased(raw, lease, with_payload)
        local _, _, payload_at = Bodies.parse(raw)
        return shown(with_payload, raw, payload_at, 'leased', lease[ATTEMPT], nil, lease[EXPIRY])
    end

    -- Show the job of a dead letter (lib/letters.lua).
    function Showing.dead(letter, with_payload)
        local raw, payload_at = Bodies.made(letter.enqueued_at, letter.requeues, letter.attempts, letter.tail, '')
        local reply = shown(false, raw, payload_at, 'dead', letter.attempts)
        if with_payload then
            reply[8], reply[9] = letter.payload_at, letter.raw
        end
        return reply
    end
end

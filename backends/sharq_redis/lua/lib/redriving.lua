-- Redriving: a dead letter becomes a job again, as if it were enqueued now.

local Redriving = {}

do
    -- Return the tail of the job that a letter becomes.
    local function fresh_tail(old)
        local tail = {}
        for name, value in next, old do
            tail[name] = value
        end
        tail.e = tail.t and now + tail.t
        tail.a, tail.i, tail.k, tail.l, tail.n, tail.q, tail.u = now, nil, nil, nil, nil, nil, nil
        return tail
    end

    -- Return a queue if it exists after all earlier steps of this call, else false.
    local function current(id)
        local queue = Queues.load(id)
        if queue and queue[WAITING] == 0 and queue[LEASED] == 0 and not queue[DUE_AT] then
            Step.write()    -- this call took its last job: it ceases to exist
            return false
        end
        return queue
    end

    -- Let the job of a letter wait. Return 'done', or 'duplicate' if a job of its id lives.
    function Redriving.redrive(id, letter)
        local queue, old, job_id = current(id), letter.tail or {}, letter.job_id
        if queue and Bodies.has(queue, job_id) then
            return 'duplicate'
        end
        local tail, limit = fresh_tail(old), old.q or letter.requeues
        Letters.check(id)
        Times.check(id)
        local left = not queue and Left.by(id)
        local brought = not queue and has_shared and letter.brought and Naming.known_of(letter.brought) or ''
        Rows.check(brought)
        if queue then
            Waiting.check(queue)
        end
        local number = Line.reserve(1) + 1
        if queue then
            Bodies.spread(queue)
        else
            queue = Left.bring_into_being(id, left)
            Terms.bring(queue, letter.interval)
            if brought ~= '' then
                Terms.bring_uses(queue, brought)
            end
        end
        Delays.put(queue, job_id, number, false, tail, now)
        local payload = string.sub(letter.raw, letter.payload_at)
        Bodies.replace(queue, job_id, (Bodies.made(letter.enqueued_at, limit, 0, tail, payload)))
        Letters.remove(id, letter)
        Step.changed(queue, false, number)
        Totals.add('redriven', 1)
        return 'done'
    end
end

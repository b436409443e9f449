-- Keys: which job is remembered under which deduplication key of its queue.
--
-- An entry is packed: until when, the job's id, and whether that job has finished or died. An entry of a job
-- that has done neither counts while the job lives, so that clearing a queue need not look for entries.

local Keys = {}

do
    local function name_of(id, key)
        return Scope.key('key', id .. '/' .. key)
    end

    local function write(name, ends_at, job_id, is_over)
        set_to_expire(name, cmsgpack.pack(ends_at, job_id, is_over), ends_at - now + GRACE_MS)
    end

    -- Return the id of the job that is remembered under a key, or nil. `queue` is the queue, if it exists.
    function Keys.holder(queue, id, key)
        local raw = call('GET', name_of(id, key))
        if not raw then
            return nil
        end
        local ends_at, job_id, is_over = cmsgpack.unpack(raw)
        if ends_at <= now then
            return nil
        elseif is_over == 1 then
            return job_id
        end
        local job = queue and Bodies.find(queue, job_id)
        if job then
            local _, _, _, tail = Bodies.parse(job)
            if tail and tail.k == key and tail.u == ends_at then
                return job_id
            end
        end
    end

    -- Remember a job that was queued.
    function Keys.remember(id, key, ends_at, job_id)
        write(name_of(id, key), ends_at, job_id, 0)
    end

    -- Let the entry of a job that finishes or dies stand. One that cannot be read is left as it is.
    function Keys.outlive(id, key, ends_at, job_id)
        local raw = ends_at > now and try('GET', name_of(id, key))
        local fine, known_until, known_id = pcall(cmsgpack.unpack, raw)
        if fine and known_until == ends_at and known_id == job_id then
            write(name_of(id, key), ends_at, job_id, 1)
        end
    end
end

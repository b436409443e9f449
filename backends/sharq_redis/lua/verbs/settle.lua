-- Do what workers say of their leases: finish them, or release them.
-- KEYS  those of a type (lib/scope.lua)
-- ARGV  1 the time or '', 2 how many receipts each shard may hold, then for each lease
--       packed values queue id, 'f' or 'r', job id, token or '', for how long (ms) a receipt is kept
-- Reply for each lease: ended, stale or unknown, or why its queue is damaged

local Settle = {flags = {'allow-oom'}}

do
    local function finish(queue, lease)
        if queue[LEASE] ~= '' then
            Bodies.remove(queue, lease[6])  -- may raise
            Leases.take(queue, lease)
            Step.unleased(queue)
        else
            Leases.take(queue, lease)       -- may raise
            Bodies.remove(queue, lease[6])
            Step.changed(queue)
        end
    end

    local function release(queue, lease)
        local raw = Bodies.get(queue, lease[6])
        local requeues, _, beginning, payload_at = Bodies.parse(raw)
        Waiting.check(queue)
        local payload = string.sub(raw, payload_at)
        Step.bring_back(queue, lease, Bodies.pack(requeues, lease[4], beginning, payload))
    end

    local function settle(item)
        local id, move, job_id, token, receipt_ms = cmsgpack.unpack(item)
        local queue = Records.load(id)
        local outcome, lease = Leases.claim(queue, id, job_id, token)
        if lease and move == 'r' then
            release(queue, lease)
        elseif lease then
            finish(queue, lease)
            if token ~= '' then
                Receipts.keep(token, id, job_id, receipt_ms)
            end
        elseif move == 'f' and token ~= '' and Receipts.has(token, id, job_id) then
            return 'ended'
        end
        return outcome
    end

    function Settle.run(keys, args)
        Scope.begin(keys, args)
        Step.begin()
        Receipts.begin(tonumber(args[2]))
        local reply = {nil}
        if #args > 3 then
            Records.prefetch_for(args, 3)
        end
        for at = 3, #args do
            local outcome, reason = guarded(settle, args[at])
            reply[at - 2] = outcome or reason
        end
        Step.write()
        Receipts.write()
        Wakeups.announce()
        return reply
    end
end

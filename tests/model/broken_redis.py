"""Redis stores whose library is broken on purpose: a few replaced lines each."""

from dataclasses import dataclass
from functools import cache

import msgspec

from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_redis.library import Library, texts
from sharq_redis.options import RedisOptions
from sharq_redis.plugin import open_redis_store


@dataclass(frozen=True, slots=True)
class ScriptFault:
    """A line of the library, wherever it stands, and what stands there instead.

    `more` are further lines that make the same mistake. `kit` is the class of the conformance kit
    with a test that fails, "" where none is named.
    """

    line: str
    broken: str
    more: tuple[tuple[str, str], ...] = ()
    kit: str = ""


FAULTS = {
    "the rate is lost when a queue empties": ScriptFault(
        "        Left.leave(queue)\n        loaded[queue[ID]] = false\n",
        "        loaded[queue[ID]] = false\n",
    ),
    "a new interval does not reach the line": ScriptFault(
        "                queue[SINCE] = ready\n", ""
    ),
    "a freed queue stays behind": ScriptFault(
        "        elseif before > now then\n", "        elseif false then\n"
    ),
    "ties go by name": ScriptFault("number or next_number(ahead)", "0"),
    "tokens do not matter": ScriptFault(
        "            if token == '' or token == lease[TOKEN] then\n", "            if token then\n"
    ),
    "a receipt fits any job": ScriptFault(
        "        return token .. '/' .. id .. '/' .. job_id\n", "        return token\n"
    ),
    "a receipt lasts 1 ms longer": ScriptFault(
        " and kept and tonumber(kept) >= now\n",
        " and kept and tonumber(kept) >= now - 1\n",
        kit="ReceiptConformance",
    ),
    "receipts never expire": ScriptFault(
        " and kept and tonumber(kept) >= now\n",
        " and kept\n",
        kit="ReceiptConformance",
    ),
    "a returned job goes last": ScriptFault(
        "        tail = Delays.put(queue, job_id, lease[JOB_NUMBER], true, tail, now + delay)\n",
        "        tail = Delays.put(queue, job_id, Line.reserve(1) + 1, false, tail, now + delay)\n",
    ),
    "an expiry costs no requeue": ScriptFault(
        "local lives = Returning.come_back(queue, lease, raw, left, marked,",
        "local lives = Returning.come_back(queue, lease, raw, requeues, marked,",
    ),
    "a reclaim is 1 ms early": ScriptFault(
        "            local id = call('ZRANGE', EXPIRING, '-inf', integer(now), ",
        "            local id = call('ZRANGE', EXPIRING, '-inf', integer(now + 1), ",
        more=(
            (
                "        elseif lease[EXPIRY] > now then",
                "        elseif lease[EXPIRY] > now + 1 then",
            ),
            ("call('ZCOUNT', EXPIRING, '-inf', integer(now))", "1"),
            ("integer(soonest)", "integer(soonest - 1)"),
        ),
    ),
    "a dead letter is not found by its job": ScriptFault(
        "letter .. string.sub(raw, payload_at), job_id, name)\n",
        "letter .. string.sub(raw, payload_at))\n",
    ),
    "a duplicate is counted": ScriptFault(
        "        if outcome == QUEUED then\n            Counts.add(queue, ENQUEUES)\n",
        "        Counts.add(queue, ENQUEUES)\n        if outcome == QUEUED then\n",
    ),
    "a refusal changes the interval": ScriptFault(
        "            if outcome == FULL or not queue then\n",
        "            if outcome == FULL and queue then\n"
        "                Limits.bring(queue, interval)\n"
        "                Step.changed(queue, false, number)\n            end\n"
        "            if outcome == FULL or not queue then\n",
    ),
    "clearing leaves the expiries": ScriptFault(
        "        if call('ZREM', EXPIRING, id) == 1 and", "        if false and"
    ),
    "purging leaves the dead letters": ScriptFault(
        "        if states.dead and not reason then\n", "        if false then\n"
    ),
    "a queue's lease is listed under its latest expiry": ScriptFault(
        "Writes.send(sooner, 'ZADD', EXPIRING, 'LT')", "Writes.send(sooner, 'ZADD', EXPIRING)"
    ),
    "an extend does not list its queue anew": ScriptFault(
        "        queue[ENDED] = true     -- so that its queue is listed anew\n"
        "        Expiring.note(queue, expiry)\n",
        "",
        kit="ExtendConformance",
    ),
    "a join forgets that jobs came back": ScriptFault(
        "        return Waiting.place(number, returned == 1, MAX_PRIORITY - urgency)\n",
        "        return Waiting.place(number, false, MAX_PRIORITY - urgency)\n",
        kit="JoinOrderConformance",
    ),
    "who leaves the order of a queue leaves its ttl listed": ScriptFault(
        "            Times.unlist(queue, job_id, number)\n        end\n        return number, at\n",
        "        end\n        return number, at\n",
        kit="MeetingEndedConformance",
    ),
    "a key is not kept when its job ends": ScriptFault(
        "            write(name_of(id, key), ends_at, job_id, 1)\n",
        "            write(name_of(id, key), ends_at, job_id, 0)\n",
    ),
    "penalties begin at the second": ScriptFault(
        "        for _ = 2, factor > 1 and tail.n or 1 do\n",
        "        for _ = 3, factor > 1 and tail.n or 1 do\n",
        kit="RequeueDelayConformance",
    ),
    "a reschedule forgets that a job came back": ScriptFault(
        "        tail = Delays.put(queue, job.id, number, job.attempts > 0, tail, at)\n",
        "        tail = Delays.put(queue, job.id, number, false, tail, at)\n",
        kit="ReschedulePriorityConformance",
    ),
    "a letter that goes hides the one before it": ScriptFault(
        "            call('HSET', letters, job_id, before)\n",
        "            call('HDEL', letters, job_id)\n",
    ),
    "a redrive doubles a living id": ScriptFault(
        "        if queue and Bodies.has(queue, job_id) then\n", "        if false then\n"
    ),
    "a redrive keeps the attempt": ScriptFault(
        "Bodies.made(letter.enqueued_at, limit, 0, tail,",
        "Bodies.made(letter.enqueued_at, limit, letter.attempts, tail,",
    ),
    "a redrive keeps the spent requeues": ScriptFault(
        "old.q or letter.requeues\n", "letter.requeues\n"
    ),
    "a redrive keeps the old ttl": ScriptFault(
        "        tail.e = tail.t and now + tail.t\n",
        "",
        kit="RedrivenJobConformance",
    ),
    "a redrive wakes nobody": ScriptFault(
        "        Step.write()\n        Totals.write()\n        Wakeups.announce()\n"
        "        return reply\n",
        "        Step.write()\n        Totals.write()\n        return reply\n",
        kit="RescheduledPlaceConformance",
    ),
    "a second death replaces the first": ScriptFault(
        "        if before ~= 0 then\n",
        "        if before ~= 0 then\n"
        "            Letters.remove(id, Letters.read(id, before))\n        elseif false then\n",
    ),
    "a bound on letters is one too high": ScriptFault(
        "call('ZCARD', LETTERS) - max_count\n",
        "call('ZCARD', LETTERS) - max_count - 1\n",
        kit="LetterCountConformance",
    ),
    "a bound on letters drops the newest": ScriptFault(
        "local found = try('ZRANGE', LETTERS, 0, limit - 1,",
        "local found = try('ZRANGE', LETTERS, 0, limit - 1, 'REV',",
        kit="LetterAgeConformance",
    ),
    "a letter is too old 1 ms early": ScriptFault(
        "if died_at(member) + max_age > now and",
        "if died_at(member) + max_age > now + 1 and",
        kit="LetterAgeConformance",
    ),
    "a dead type is not tended": ScriptFault(
        "            if not is_due then\n", "            if false then\n"
    ),
    "a clear by states leaves a job's body": ScriptFault(
        "        Bodies.remove(queue, job.id)\n        Step.changed(queue)\n        Totals.add",
        "        Step.changed(queue)\n        Totals.add",
    ),
    "a clear of what waits takes what is leased": ScriptFault(
        "string.find(asked, 'l'),\n",
        "string.find(asked, 'l') or string.find(asked, 'w'),\n",
        kit="StateClearConformance",
    ),
    "a clear of a type forgets a queue": ScriptFault(
        "                return cursor       -- what is left of this page is met again\n",
        "                return step[1] ~= '0' and step[1] or ''\n",
        kit="TypeClearConformance",
    ),
    "the total of redrives drifts up": ScriptFault(
        "        Totals.add('redriven', 1)\n", "        Totals.add('redriven', 2)\n"
    ),
    "the total of removed jobs drifts down": ScriptFault("        Totals.add('removed', 1)\n", ""),
    "totals are forgotten 1 ms early": ScriptFault(
        "        local over = integer(now + KEPT_MS)\n",
        "        local over = integer(now + KEPT_MS - 1)\n",
    ),
    "a number of a letter is given twice": ScriptFault(
        "        latest = math.max(highest, tonumber(total))",
        "        latest = highest",
        more=(("uncounted = latest - tonumber(total)", "uncounted = 0"),),
    ),
    "a discard by number takes the newest letter of its job": ScriptFault(
        "            id = found\n",
        "            id = found\n"
        "            number = Letters.newest(id, Letters.read(id, which).job_id)\n",
    ),
    "a listing of letters skips one": ScriptFault(
        "local number = last and '(' .. integer(last)",
        "local number = last and '(' .. integer(newest_first and last - 1 or last)",
        kit="LetterListingConformance",
    ),
    "the line lists queues that are held": ScriptFault(
        "                if ready > now or #found == limit then\n",
        "                if #found == limit then\n",
    ),
}
SETTING_FAULTS = {
    "a burst is one too many": ScriptFault("unit, (burst - 1) * per,", "unit, burst * per,"),
    "a cost does not count": ScriptFault(
        "limit[PER], cost and cost[limit[UNIT]] or limit[UNNAMED]",
        "limit[PER], limit[UNNAMED]",
        kit="ClockAtZeroConformance",
    ),
    "a changed debt is rounded down": ScriptFault(
        "math.min(divided_up(debt, old[PER]) * new[PER]",
        "math.min(divided_down(debt, old[PER]) * new[PER]",
        kit="CorrectionConformance",
    ),
    "limits are matched by their places": ScriptFault(
        "local before = places[unit] and places[unit][taken[unit]]\n",
        "local before = old[at] and at\n",
        kit="LimitWalkConformance",
    ),
    "a correction counts twice": ScriptFault(
        "debt = debt + (units(actual, limit)",
        "debt = debt + 2 * (units(actual, limit)",
        kit="CorrectionConformance",
    ),
    "a concurrency is one too many": ScriptFault(
        "if concurrency and leased >= concurrency then",
        "if concurrency and leased > concurrency then",
    ),
    "a worker shortens a freeze": ScriptFault(
        "if now + freeze_ms > math.max(now, features.f or 0) then",
        "if freeze_ms > 0 then",
        kit="WorkerFreezeConformance",
    ),
    "a new place goes on with the old turn": ScriptFault(
        "            Terms.begin_turn(queue)\n",
        "",
        kit="WeightConformance",
    ),
    "settings go with the jobs of their queue": ScriptFault(
        "if Terms.text(queue) ~= '' then\n            return NO_END",
        "if false then\n            return NO_END",
    ),
    "an opened gate wakes nobody": ScriptFault(
        "if opened_at then\n            local first",
        "if false then\n            local first",
        kit="LimiterWakeConformance",
    ),
    "tending takes up no defaults": ScriptFault(
        "if queue and Defaults.are_pending(queue) then\n",
        "if false then\n",
        kit="TendedDefaultsConformance",
    ),
    "one of two shared limits is paid": ScriptFault(
        "            Limiter.pay(limit, cost)\n",
        "            if at == 1 then Limiter.pay(limit, cost) end\n",
        kit="TwoLimitsConformance",
    ),
    "a lease is given back twice": ScriptFault(
        "Charging.give_back(row, 1)\n",
        "Charging.give_back(row, 2)\n",
        kit="LimiterConcurrencyConformance",
    ),
    "a correction misses shared limits": ScriptFault(
        "            if Limiter.correct(limits[at], cost, actual) then\n",
        "            if false then\n",
        kit="SharedCorrectionConformance",
    ),
    "a worker shortens the freeze of a shared limit": ScriptFault(
        "if now + freeze_ms > math.max(now, limit.owed.f) then",
        "if true then",
        kit="LimitFreezeConformance",
    ),
    "a row goes though its other limit is closed": ScriptFault(
        "local other = row and #row.limits > 1 and Using.closed(row, limit)\n",
        "local other = nil\n",
        kit="TwoLimitsConformance",
    ),
    "a bench loses its entry with its first row": ScriptFault(
        "        local bench = row.bench\n        Shared.unsettle(bench)\n",
        "        local bench = row.bench\n",
        kit="RowConformance",
    ),
    "an enqueue changes a shared limit": ScriptFault(
        "            if not Shared.find(uses[at]) then\n                Shared.create(",
        "            if Shared.find(uses[at]) then\n"
        "                Shared.change(Shared.get(uses[at]), uses[at + 1], -1)\n"
        "            else\n                Shared.create(",
        kit="CreationConformance",
    ),
    "nothing is taken from what is left": ScriptFault(
        "            count[LEFT] = count[LEFT] - units(cost, unit)\n",
        "",
        kit="RemainingConformance",
    ),
    "an entry comes again beyond the end of its page": ScriptFault(
        "if since > end_since or (since == end_since and number > end_number)\n",
        "if end_since == 0\n",
        kit="RowOrderConformance",
    ),
    "an entry comes again before a new place in line": ScriptFault(
        "            or (since == now and first_new and number > first_new) then\n",
        "            or false then\n",
        kit="RowOrderConformance",
    ),
    "an opened shared limit wakes nobody": ScriptFault(
        "limit.queues > 0 and Limiter.opened_at(limit) then",
        "false then",
        kit="OpenedLimitWakeConformance",
    ),
    "an enqueue is not refused by defaults": ScriptFault(
        "Rules.with_defaults(own, Rules.of(present()))", "own"
    ),
}
"""Those that need settings to show; the others show sooner without any."""


def open_broken(fault: ScriptFault, options: dict[str, object], clock: ManualClock) -> QueueStore:
    """Return a Redis store with that fault in its library."""
    chosen = msgspec.convert(options, RedisOptions)
    return open_redis_store(chosen, clock, broken_library(fault))


@cache
def broken_library(fault: ScriptFault) -> Library:
    """Return the library with that fault. Raises LookupError if it has no such line any more."""
    ideas, verbs = texts()
    for line, broken in ((fault.line, fault.broken), *fault.more):
        if line not in ideas and not any(line in text for text in verbs.values()):
            raise LookupError(f"no such line any more: {line}")
        ideas = ideas.replace(line, broken)
        verbs = {verb: text.replace(line, broken) for verb, text in verbs.items()}
    return Library.of(ideas, verbs)

"""Redis stores whose library is broken on purpose: a few replaced lines each."""

from dataclasses import dataclass

import msgspec

from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_redis.library import Library, texts
from sharq_redis.plugin import RedisOptions, open_redis_store


@dataclass(frozen=True, slots=True)
class ScriptFault:
    """A line of the library, wherever it stands, and what stands there instead.

    `more` are further lines that make the same mistake.
    """

    line: str
    broken: str
    more: tuple[tuple[str, str], ...] = ()


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
        " and kept and tonumber(kept) >= now\n", " and kept and tonumber(kept) >= now - 1\n"
    ),
    "receipts never expire": ScriptFault(" and kept and tonumber(kept) >= now\n", " and kept\n"),
    "a returned job goes last": ScriptFault(
        "        tail = Delays.put(queue, job_id, lease[JOB_NUMBER], true, tail, now + delay)\n",
        "        tail = Delays.put(queue, job_id, Line.reserve(1) + 1, false, tail, now + delay)\n",
    ),
    "an expiry costs no requeue": ScriptFault(
        "Returning.come_back(queue, lease, raw, left, tail, payload_at, delay)\n"
        "        return lives and",
        "Returning.come_back(queue, lease, raw, requeues, tail, payload_at, delay)\n"
        "        return lives and",
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
        "letter .. string.sub(raw, payload_at), job_id, number)\n",
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
        "        call('ZREM', EXPIRING, id)\n        if not fine", "        if not fine"
    ),
    "purging leaves the dead letters": ScriptFault(
        "            call('UNLINK', Scope.key('dead', id), Scope.key('deaths', id))\n", ""
    ),
    "a queue's lease is listed under its latest expiry": ScriptFault(
        "Writes.send(sooner, 'ZADD', EXPIRING, 'LT')", "Writes.send(sooner, 'ZADD', EXPIRING)"
    ),
    "an extend does not list its queue anew": ScriptFault(
        "        queue[ENDED] = true     -- so that its queue is listed anew\n"
        "        Expiring.note(queue, expiry)\n",
        "",
    ),
    "a join forgets that jobs came back": ScriptFault(
        "            places[at] = Waiting.place(number, returned == 1, MAX_PRIORITY - urgency)\n",
        "            places[at] = Waiting.place(number, false, MAX_PRIORITY - urgency)\n",
    ),
    "who leaves the order of a queue leaves its ttl listed": ScriptFault(
        "            Times.unlist(queue, job_id, number)\n        end\n        return number, at\n",
        "        end\n        return number, at\n",
    ),
    "a key is not kept when its job ends": ScriptFault(
        "            write(name_of(id, key), ends_at, job_id, 1)\n",
        "            write(name_of(id, key), ends_at, job_id, 0)\n",
    ),
    "penalties begin at the second": ScriptFault(
        "        for _ = 2, factor > 1 and tail.n or 1 do\n",
        "        for _ = 3, factor > 1 and tail.n or 1 do\n",
    ),
    "a reschedule forgets that a job came back": ScriptFault(
        "        tail = Delays.put(queue, job.id, number, job.attempts > 0, tail, at)\n",
        "        tail = Delays.put(queue, job.id, number, false, tail, at)\n",
    ),
    "a cancelled letter hides the one before it": ScriptFault(
        "            call('HSET', letters, job_id, integer(before))\n",
        "            call('HDEL', letters, job_id)\n",
    ),
}


def open_broken(fault: ScriptFault, options: dict[str, object], clock: ManualClock) -> QueueStore:
    """Return a Redis store with that fault in its library."""
    chosen = msgspec.convert(options, RedisOptions)
    return open_redis_store(chosen, clock, broken_library(fault))


def broken_library(fault: ScriptFault) -> Library:
    """Return the library with that fault. Raises LookupError if it has no such line any more."""
    ideas, verbs = texts()
    for line, broken in ((fault.line, fault.broken), *fault.more):
        if line not in ideas and not any(line in text for text in verbs.values()):
            raise LookupError(f"no such line any more: {line}")
        ideas = ideas.replace(line, broken)
        verbs = {verb: text.replace(line, broken) for verb, text in verbs.items()}
    return Library.of(ideas, verbs)

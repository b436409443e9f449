"""Redis stores whose library is broken on purpose: a few replaced lines each."""

from dataclasses import dataclass

import msgspec

from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_redis.library import Library, texts
from sharq_redis.plugin import RedisOptions, connector, target_of
from sharq_redis.store import RedisStore


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
        "        Waiting.add(queue, job_id, number - RETURNED)\n",
        "        Waiting.add(queue, job_id, Line.reserve(1) + 1)\n",
    ),
    "an expiry costs no requeue": ScriptFault(
        "            requeues = requeues > 0 and requeues - 1 or requeues\n", ""
    ),
    "a reclaim is 1 ms early": ScriptFault(
        "        return call('ZRANGE', EXPIRING, '-inf', now, ",
        "        return call('ZRANGE', EXPIRING, '-inf', now + 1, ",
        more=(
            (
                "        elseif lease[EXPIRY] > now then",
                "        elseif lease[EXPIRY] > now + 1 then",
            ),
            ("call('ZCOUNT', EXPIRING, '-inf', integer(now))", "1"),
            ("integer(soonest)", "integer(soonest - 1)"),
        ),
    ),
    "a dead letter is not counted by its job": ScriptFault(
        "        call('HINCRBY', letters, job_id, 1)\n", ""
    ),
    "a duplicate is counted": ScriptFault(
        "        if outcome == QUEUED then\n            Counts.add(queue, ENQUEUES)\n",
        "        Counts.add(queue, ENQUEUES)\n        if outcome == QUEUED then\n",
    ),
    "a refusal changes the interval": ScriptFault(
        "            return answer(at, FULL, waiting)\n",
        "            if queue then\n                Limits.bring(queue, interval)\n"
        "                Step.changed(queue, false, before + at)\n            end\n"
        "            return answer(at, FULL, waiting)\n",
    ),
    "clearing leaves the expiries": ScriptFault(
        "        call('ZREM', EXPIRING, queue[ID])\n        if purge", "        if purge"
    ),
    "purging leaves the dead letters": ScriptFault(
        "            call('UNLINK', Scope.key('dead', id), Scope.key('deaths', id))\n", ""
    ),
    "a queue's lease is listed under its latest expiry": ScriptFault(
        "Writes.send(sooner, 'ZADD', EXPIRING, 'LT')", "Writes.send(sooner, 'ZADD', EXPIRING)"
    ),
}


def open_broken(fault: ScriptFault, options: dict[str, object], clock: ManualClock) -> QueueStore:
    """Return a Redis store with that fault in its library."""
    chosen = msgspec.convert(options, RedisOptions)
    target = target_of(chosen)
    return RedisStore(
        connector(target),
        target=target,
        key_prefix=chosen.key_prefix,
        clock=clock,
        library=broken_library(fault),
    )


def broken_library(fault: ScriptFault) -> Library:
    """Return the library with that fault. Raises LookupError if it has no such line any more."""
    ideas, verbs = texts()
    for line, broken in ((fault.line, fault.broken), *fault.more):
        if line not in ideas and not any(line in text for text in verbs.values()):
            raise LookupError(f"no such line any more: {line}")
        ideas = ideas.replace(line, broken)
        verbs = {verb: text.replace(line, broken) for verb, text in verbs.items()}
    return Library.of(ideas, verbs)

"""Redis stores whose scripts are broken on purpose: one replaced line each."""

import hashlib
from dataclasses import dataclass, fields

from sharq_plug import plugins
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from sharq_redis.scripts import Script, Scripts
from sharq_redis.store import RedisStore


@dataclass(frozen=True, slots=True)
class ScriptFault:
    """A line of the scripts, wherever it stands, and what stands there instead."""

    line: str
    broken: str


FAULTS = {
    "the rate is lost when a queue empties": ScriptFault(
        "        leave_behind(id, queue)\n    end\n", "    end\n"
    ),
    "a new interval does not reach the line": ScriptFault(
        "            call('ZADD', LINE, allowed, place)\n", ""
    ),
    "a freed queue stays behind": ScriptFault(
        "    elseif not since or since > now then\n", "    elseif false then\n"
    ),
    "ties go by name": ScriptFault(
        "    queue[PLACE] = number\n", "    number = 0\n    queue[PLACE] = number\n"
    ),
    "tokens do not matter": ScriptFault(
        "        if token == '' or token == lease[1] then\n", "        if token then\n"
    ),
    "a receipt fits any job": ScriptFault(
        "    local receipt = token .. ':' .. id .. ':' .. job_id\n", "    local receipt = token\n"
    ),
    "a receipt lasts 1 ms longer": ScriptFault(
        "tonumber(kept_until) >= now)", "tonumber(kept_until) >= now - 1)"
    ),
    "a returned job goes last": ScriptFault(
        "    add_waiting(id, queue, job_id, job_number - RETURNED, number)\n",
        "    add_waiting(id, queue, job_id, number, number)\n",
    ),
    "an expiry costs no requeue": ScriptFault(
        "        requeues = requeues > 0 and requeues - 1 or requeues\n", ""
    ),
    "a reclaim is 1 ms early": ScriptFault(
        "    return call('ZRANGE', EXPIRING, '-inf', now, ",
        "    return call('ZRANGE', EXPIRING, '-inf', now + 1, ",
    ),
    "a dead letter is not counted by its job": ScriptFault(
        "    call('HINCRBY', letters, job_id, 1)\n", ""
    ),
    "a duplicate is counted": ScriptFault(
        "        change_interval(id, queue, interval, number)\n        save_queue",
        "        change_interval(id, queue, interval, number)\n        count(queue, ENQUEUES)\n"
        "        save_queue",
    ),
    "a refusal changes the interval": ScriptFault(
        "        return -1, waiting\n",
        "        if queue then\n            change_interval(id, queue, interval, number)\n"
        "            save_queue(id, queue)\n        end\n        return -1, waiting\n",
    ),
    "clearing leaves the expiries": ScriptFault(
        "call('ZREM', EXPIRING, id)\nif queue then", "if queue then"
    ),
    "purging leaves the dead letters": ScriptFault("    call('UNLINK', letters, deaths)\n", ""),
    "new places are announced 1 ms late": ScriptFault(
        "integer(math.max(0, first_since - now)))", "integer(math.max(0, first_since - now) + 1))"
    ),
    "a freed queue is announced to nobody": ScriptFault(
        "        enter_line(id, queue, now, number)\n    end\nend",
        "        enter_line(id, queue, now, number)\n        first_since = math.huge\n    end\nend",
    ),
    "a queue's lease is listed under its latest expiry": ScriptFault(
        "call('ZADD', EXPIRING, 'LT', expiry, id)", "call('ZADD', EXPIRING, expiry, id)"
    ),
}


def open_broken(fault: ScriptFault, options: dict[str, object], clock: ManualClock) -> QueueStore:
    """Return a Redis store with that fault in every script that has the line."""
    store = plugins.open_store("redis", options, clock=clock)
    assert isinstance(store, RedisStore)
    whole = store._scripts
    broken = {field.name: _broken(getattr(whole, field.name), fault) for field in fields(whole)}
    if not any(fault.line in getattr(whole, name).text for name in broken):
        raise LookupError(f"no such line any more: {fault.line}")
    store._scripts = Scripts(**broken)
    return store


def _broken(script: Script, fault: ScriptFault) -> Script:
    text = script.text.replace(fault.line, fault.broken)
    return Script(text, hashlib.sha1(text.encode()).hexdigest())

"""What holds a queue, and what it owes, whether it is plain or has terms.

A queue keeps an instant, `last`, and its debts as of then (see `limits`). A plain queue owes one
unit as of `last`, which it earns back over its interval. It keeps `last` itself; that of a queue
with terms is in its limiter.
"""

from collections.abc import Mapping
from copy import copy

from msgspec.structs import replace

from sharq_memory.limits import Limiter, one_of
from sharq_memory.queue import Queue
from sharq_memory.terms import Names, Terms
from sharq_plug.model import (
    JOB_UNIT,
    NO_SETTINGS,
    Hold,
    HoldKind,
    Settings,
    limits_of_interval,
    units_of,
)

_LIMIT = HoldKind.LIMIT


def holds(queue: Queue, now: int) -> tuple[Hold, ...]:
    """Return the holds of `queue` that stand at `now` (ms), in the order in which they are shown.

    They tell why it waits. When they end decides on its place in line (see `held_until`).
    """
    due_at = None if queue.delayed is None or queue.head is not None else queue.delayed[0][0]
    if queue.terms is not None:
        return queue.terms.limiter.holds(queue.leased, now, due_at)
    held: tuple[Hold, ...] = ()
    last = queue.last
    if last is not None:
        until = (last if last < now else now) + queue.interval
        if until > now:
            held = (Hold(_LIMIT, until, JOB_UNIT),)
    if due_at is not None and due_at > now:
        held = (*held, Hold(HoldKind.DELAY, due_at))
    return held


def held_until(queue: Queue, now: int) -> float:
    """Return when (ms) the holds of `queue` end that stand at `now`; 0 if none stands.

    It is inf if only an event ends one.
    """
    due_at = None if queue.delayed is None or queue.head is not None else queue.delayed[0][0]
    terms, last = queue.terms, queue.last
    if terms is not None:
        leased = 0 if queue.leases is None else len(queue.leases)
        return terms.limiter.held_until(leased, now, due_at)
    end = 0 if last is None else (last if last < now else now) + queue.interval
    if due_at is not None and due_at > end:
        end = due_at
    return end if end > now else 0


def limiter_of(queue: Queue) -> Limiter:
    """Return a copy of what limits `queue`."""
    if queue.terms is not None:
        return copy(queue.terms.limiter)
    limits = limits_of_interval(queue.interval)
    debts = tuple(0 if queue.last is None else limit.per for limit in limits)
    return Limiter(Settings(limits=limits), debts, queue.last)


def settings_of(queue: Queue | None) -> Settings:
    """Return the settings of a queue of its own."""
    return NO_SETTINGS if queue is None or queue.terms is None else queue.terms.settings


def terms_of(queue: Queue) -> Terms:
    """Return the terms of `queue`, which from now on has some."""
    if queue.terms is None:
        queue.terms = Terms(limiter_of(queue))
        queue.last = None
    return queue.terms


def become_plain(queue: Queue, now: int) -> None:
    """Let `queue` be plain if nothing distinguishes it from a plain one."""
    terms = queue.terms
    if terms is None or terms.leases or terms.version or terms.brought or terms.earlier:
        return
    if terms.settings != NO_SETTINGS:
        return
    limiter = terms.limiter
    owes_one = limiter.debts == tuple(limit.per for limit in limiter.limits)
    if limiter.frozen_until <= now and (limiter.last is None or owes_one):
        queue.terms, queue.last = None, limiter.last


def work_out(queue: Queue, terms: Terms) -> None:
    """Put into effect what follows from the terms and the interval of `queue`."""
    terms.limiter.change(one_of(rules_of(queue, terms)))


def rules_of(queue: Queue, terms: Terms) -> Settings:
    """Return what is in effect for `queue`: its settings, the defaults, then what was brought."""
    rules = terms.settings.or_else(terms.defaults)
    if rules.limits is None:
        rules = replace(rules, limits=limits_of_interval(queue.interval))
    if rules.uses is None and terms.brought:
        rules = replace(rules, uses=terms.brought)
    return rules


def bring(queue: Queue, interval: int) -> None:
    """Bring an interval (ms) to `queue`."""
    terms, before = queue.terms, queue.interval
    queue.interval = interval
    if interval != before and terms is not None and not terms.have_limits:
        work_out(queue, terms)


def bring_uses(queue: Queue, names: Names) -> None:
    """Bring the shared limits of these names to `queue`, in the place of those of before."""
    if names or queue.terms is not None:
        terms = terms_of(queue)
        terms.brought = names
        work_out(queue, terms)


def brought_to(queue: Queue) -> Names:
    """Return the names of the shared limits that were brought to `queue`."""
    return () if queue.terms is None else queue.terms.brought


def uses_of(queue: Queue) -> Names:
    """Return the names of the shared limits that `queue` uses."""
    return () if queue.terms is None else queue.terms.uses


def freeze(queue: Queue, until: int) -> None:
    """Freeze `queue` at least until an instant (ms)."""
    terms_of(queue).limiter.freeze_until(until)


def pay(queue: Queue, cost: Mapping[str, int] | None, now: int) -> None:
    """Note a dequeue of `queue`, of a job that costs so much."""
    terms = queue.terms
    if terms is None:
        if cost is None or not queue.interval or units_of(cost, JOB_UNIT) == 1:
            queue.last = now
            return
        terms = terms_of(queue)
    limiter = terms.limiter
    if limiter.debts:
        limiter.pay(cost, now)
    limiter.last = now


def correct(
    queue: Queue, cost: Mapping[str, int] | None, actual: Mapping[str, int], now: int
) -> None:
    """Let a job of `queue` that cost so much have paid what it took."""
    if queue.terms is not None or queue.interval:
        terms_of(queue).limiter.correct(cost, actual, now)


def bring_to(queue: Queue, now: int) -> bool:
    """Bring `queue` to `now`; return whether the clock has stepped back behind its `last`.

    Then that becomes `now`, and what is owed stays.
    """
    if queue.terms is not None:
        return queue.terms.limiter.bring_to(now)
    if queue.last is None or queue.last <= now:
        return False
    queue.last = now
    return True


def owes_until(queue: Queue) -> int:
    """Return the instant (ms) from which on `queue` owes nothing and is not frozen."""
    if queue.terms is not None:
        return max(queue.terms.limiter.paid_at(), queue.terms.limiter.frozen_until)
    return 0 if queue.last is None else queue.last + queue.interval


def forget_if_paid(queue: Queue, now: int) -> None:
    """Forget what was dequeued of `queue`, which has no jobs, if it owes nothing."""
    bring_to(queue, now)
    if owes_until(queue) <= now:
        queue.last = None
        if queue.terms is not None:
            queue.terms.limiter.forget()
        bring(queue, 0)
        become_plain(queue, now)

"""The holds of a queue, a gate or a shared limit, as the contract reads, and when they end."""

from collections.abc import Iterable
from math import inf

from sharq_plug.model import Hold, HoldKind, Settings
from sharq_plug.testing.model_check.exact.accounts import Account


def standing(
    account: Account,
    in_effect: Settings,
    frozen_until: int | None,
    leased: int,
    now: int,
    *,
    first_at: int | None = None,
) -> list[Hold]:
    """Return the holds that stand at `now` (ms), in their order.

    `first_at` (ms) is when what is held is due by itself.
    """
    timed = [Hold(HoldKind.LIMIT, until, limit.unit) for limit, until in account.opens()]
    timed += [Hold(HoldKind.DELAY, first_at), Hold(HoldKind.FROZEN, frozen_until)]
    holds = [hold for hold in timed if hold.until is not None and hold.until > now]
    if in_effect.concurrency is not None and leased >= in_effect.concurrency:
        holds.append(Hold(HoldKind.CONCURRENCY))
    if in_effect.paused:
        holds.append(Hold(HoldKind.PAUSED))
    return holds


def end_of(holds: Iterable[Hold]) -> float | None:
    """Return when (ms) the last of these holds ends, infinity if only an event ends one."""
    return max((inf if hold.until is None else hold.until for hold in holds), default=None)


def timed_end(holds: Iterable[Hold], now: int) -> int:
    """Return when (ms) the last of these holds ends that time ends, `now` if there is none."""
    return max((hold.until for hold in holds if hold.until is not None), default=now)

"""The arithmetic of limits, against the bound that it promises and against fractions."""

import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
from memory_backend.walk import NOW

from sharq_memory.limits import Limiter
from sharq_plug.model import MAX_BURST_DEBT, MAX_DEBT, MAX_PER, MAX_RATE, Limit, Settings

WALKS = range(60)
TOKENS = Limit(3, 50, 4, "token")


def limiter_with(*limits: Limit) -> Limiter:
    limiter = Limiter()
    limiter.change(Settings(limits=limits))
    return limiter


def debts_after(limiter: Limiter, *limits: Limit) -> tuple[int, ...]:
    limiter.change(Settings(limits=limits))
    return limiter.debts


def random_limit(chance: random.Random) -> Limit:
    per = chance.choice([1, 10, 50, 1000, MAX_PER])
    most = MAX_BURST_DEBT // per
    burst = chance.choice([1, 2, 5, most]) if most < 10**5 else chance.choice([1, 2, 5])
    return Limit(chance.choice([1, 2, 3, 7, MAX_RATE]), per, burst)


def history(limit: Limit, chance: random.Random) -> Iterator[tuple[int, int, bool]]:
    """Yield (instant, units paid, whether a delivery paid them), in order.

    Each delivery comes as soon as the limit allows, or later. Some are corrected.
    """
    limiter, now, most = limiter_with(limit), NOW, MAX_BURST_DEBT // limit.per
    for _ in range(60):
        wait = chance.choice([0, 0, 0, 1, limit.per // 2 + 1, 3 * limit.per])
        now = limiter.allows_from(now + wait)
        cost = chance.choice([1, 1, 2, 5])
        limiter.pay({"job": cost}, now)
        yield now, min(cost, most), True
        if chance.random() < 0.2:
            actual = chance.choice([1, 3, 9])
            now += chance.choice([0, 1, limit.per])
            limiter.correct({"job": cost}, {"job": actual}, now)
            yield now, min(actual, most) - min(cost, most), False


@pytest.mark.parametrize("seed", WALKS)
def test_no_window_before_a_delivery_holds_more_than_the_limit_says(seed: int) -> None:
    chance = random.Random(seed)
    limit = random_limit(chance)
    events = list(history(limit, chance))
    for at, (end, _, is_delivery) in enumerate(events):
        units = 0
        for begin, paid, _ in reversed(events[:at] if is_delivery else []):
            units += paid
            assert units <= limit.burst - 1 + (end - begin) * limit.rate // limit.per


@pytest.mark.parametrize("seed", WALKS)
def test_a_debt_is_what_fractions_say_to_the_ms(seed: int) -> None:
    chance = random.Random(seed)
    limit = random_limit(chance)
    limiter, owed, now = limiter_with(limit), Fraction(0), NOW
    for _ in range(60):
        later = now + chance.choice([0, 1, 7, limit.per, 10**11])
        owed = max(Fraction(0), owed - Fraction((later - now) * limit.rate, limit.per))
        now = later
        is_allowed = owed <= limit.burst - 1
        assert (limiter.allows_from(now) == now) is is_allowed
        if not is_allowed:
            first = limiter.allows_from(now)
            earned = Fraction(limit.rate, limit.per)
            assert owed - (first - 1 - now) * earned > limit.burst - 1
            assert owed - (first - now) * earned <= limit.burst - 1
        cost = chance.choice([1, 2, 5])
        limiter.pay({"job": cost}, now)
        owed = min(owed + min(cost, MAX_BURST_DEBT // limit.per), Fraction(MAX_DEBT, limit.per))
        paid_at = limiter.paid_at()
        assert owed <= Fraction((paid_at - now) * limit.rate, limit.per)
        assert owed > Fraction((paid_at - 1 - now) * limit.rate, limit.per)


def test_a_limit_holds_also_what_costs_nothing_of_it() -> None:
    limiter = limiter_with(Limit(1, 50, unit="token"))
    limiter.pay({"token": 1}, NOW)
    assert limiter.allows_from(NOW) == NOW + 50
    limiter.pay(None, NOW + 50)
    assert limiter.allows_from(NOW + 50) == NOW + 50


def test_nothing_is_owed_before_the_first_delivery() -> None:
    limiter = limiter_with(Limit(1, 50))
    assert debts_after(limiter, TOKENS, Limit(1, 70)) == (0, 0)
    assert limiter.paid_at() == 0


@pytest.mark.parametrize(
    ("before", "debts", "after", "expected"),
    [
        ([Limit(1, 10)], (7,), [Limit(1, 10)], (7,)),
        ([Limit(1, 10)], (7,), [Limit(1, 50)], (50,)),
        ([Limit(1, 10)], (11,), [Limit(1, 50)], (100,)),
        ([Limit(1, 10)], (11,), [Limit(2, 10)], (20,)),
        ([Limit(1, 10)], (11,), [Limit(1, 10, 2)], (20,)),
        ([Limit(1, 10)], (0,), [Limit(1, 50)], (0,)),
        ([Limit(1, 10)], (7,), [TOKENS], (50,)),
        ([Limit(1, 10)], (7,), [], ()),
        ([], (), [Limit(1, 10), TOKENS], (10, 50)),
        ([Limit(1, 10)], (7,), [TOKENS, Limit(1, 10)], (50, 7)),
        ([Limit(1, 10), Limit(1, 70)], (7, 71), [Limit(1, 70), Limit(1, 10)], (70, 20)),
        ([Limit(1, 10), TOKENS], (7, 9), [TOKENS, Limit(1, 10)], (9, 7)),
        ([Limit(1, 1)], (MAX_DEBT,), [Limit(1, 10)], (MAX_DEBT,)),
    ],
)
def test_changed_limits_keep_what_is_owed_in_whole_units(
    before: list[Limit], debts: tuple[int, ...], after: list[Limit], expected: tuple[int, ...]
) -> None:
    limiter = Limiter(Settings(limits=tuple(before)), debts, NOW)
    assert debts_after(limiter, *after) == expected
    assert limiter.last == NOW


@pytest.mark.parametrize(
    ("actual", "debt"),
    [
        ({"job": 1}, 10),
        ({"job": 7}, 70),
        ({"token": 5}, 30),
        ({}, 30),
        ({"job": 10**6}, 10**7),
    ],
)
def test_a_correction_pays_the_difference(actual: dict[str, int], debt: int) -> None:
    limiter = limiter_with(Limit(1, 10))
    limiter.pay({"job": 3}, NOW)
    limiter.correct({"job": 3}, actual, NOW)
    assert limiter.debts == (debt,)


def test_a_correction_gives_back_no_more_than_is_owed() -> None:
    limiter = limiter_with(Limit(1, 10))
    limiter.pay({"job": 3}, NOW)
    limiter.correct({"job": 3}, {"job": 1}, NOW + 25)
    assert (limiter.debts, limiter.last) == ((0,), NOW + 25)


def test_what_a_job_costs_counts_up_to_a_bound_when_it_is_paid_and_corrected() -> None:
    limit = Limit(1, MAX_PER, unit="token")
    limiter, most = limiter_with(limit), MAX_BURST_DEBT // limit.per
    limiter.pay({"token": 10**6}, NOW)
    assert limiter.debts == (most * limit.per,)
    limiter.correct({"token": 10**6}, {"token": most + 1}, NOW)
    assert limiter.debts == (most * limit.per,)
    limiter.pay({"token": 10**6}, NOW)
    limiter.pay({"token": 10**6}, NOW)
    assert limiter.debts == (MAX_DEBT,)


def test_a_clock_that_steps_back_leaves_the_debts() -> None:
    limiter = limiter_with(Limit(1, 10))
    limiter.pay({"job": 3}, NOW)
    assert limiter.allows_from(NOW - 1000) == NOW - 1000 + 30
    limiter.bring_to(NOW - 1000)
    assert (limiter.debts, limiter.last) == ((30,), NOW - 1000)

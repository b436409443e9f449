"""What two stores may answer differently, and what not."""

from msgspec.structs import replace

from sharq_plug.model import (
    Delivery,
    Dequeued,
    EndedLease,
    Finish,
    LeaseOutcome,
    LeaseRef,
    Page,
    Release,
    Tended,
)
from sharq_plug.testing.model_check.comparing import Tokens, comparable

OURS = Delivery("q", "j", b"", "ours", 1, 1000, -1, 0, 0)
THEIRS = replace(OURS, token="theirs")


def ended(job_id: str, *, is_dead: bool = False) -> EndedLease:
    return EndedLease("t", "q", job_id, "token", is_dead)


def test_what_is_asked_of_the_reference_has_its_own_tokens() -> None:
    tokens = Tokens()
    tokens.learn([Dequeued((OURS,), now=0)], [Dequeued((THEIRS,), now=0)])
    asked = [Finish(LeaseRef("q", "j", "ours"), 100), Release(LeaseRef("q", "j", None))]
    expected = [Finish(LeaseRef("q", "j", "theirs"), 100), Release(LeaseRef("q", "j", None))]
    assert tokens.translated(asked) == expected


def test_a_token_that_was_given_before_stays_the_same_in_both() -> None:
    tokens = Tokens()
    tokens.learn(OURS, THEIRS)
    tokens.learn(OURS, replace(THEIRS, token="another"))
    assert tokens.translated(OURS) == THEIRS


def test_a_token_that_nobody_was_given_is_shown_to_both() -> None:
    lease = LeaseRef("q", "j", "nobody's")
    assert Tokens().translated(lease) == lease


def test_next_ready_at_and_pages_are_left_to_the_rules() -> None:
    assert comparable(Dequeued((), now=0, next_ready_at=1)) == comparable(
        Dequeued((), now=0, next_ready_at=2)
    )
    assert comparable(Page(("a",), None)) == comparable(Page(("a", "b"), "c"))
    assert comparable(Tended((), more=True)) == comparable(Tended((), more=False))


def test_the_instant_of_a_dequeue_is_compared() -> None:
    assert comparable(Dequeued((), now=0, next_ready_at=1)) != comparable(
        Dequeued((), now=1, next_ready_at=1)
    )


def test_ended_leases_are_compared_in_order_among_those_with_the_same_fate() -> None:
    one, two, dead = ended("1"), ended("2"), ended("3", is_dead=True)

    def shown(*leases: EndedLease) -> object:
        return comparable(Dequeued((), now=0, ended=leases))

    assert shown(one, two, dead) == shown(one, dead, two)
    assert shown(one, two) != shown(two, one)
    assert shown(one) != shown(replace(one, is_dead=True))


def test_outcomes_are_compared_as_they_are() -> None:
    assert comparable([LeaseOutcome.ENDED]) != comparable([LeaseOutcome.STALE])

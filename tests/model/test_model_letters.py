"""The checker on redrives, discards, bounds, clearings, totals and listings."""

import pytest
from model.letter_stories import LetterStory, type_view
from model.stories import LEASE_TIME, START

from sharq_plug.model import (
    AmendOutcome,
    Clear,
    EnqueueOutcome,
    Extras,
    JobState,
    LeaseOutcome,
    Names,
    Queues,
    QueueView,
    Retention,
    Totals,
)
from sharq_plug.testing.model_check import Rule

UNKNOWN = AmendOutcome.UNKNOWN


def exactly(story: LetterStory) -> set[Rule]:
    """Return what is broken if every call was seen."""
    return story.broken_rules(seen_whole=True)


def two_letters() -> LetterStory:
    return LetterStory().kill("a", "A").kill("b", "B")


def test_a_long_legal_story_of_letters_breaks_no_rule() -> None:
    story = two_letters().list_letters((2, "b"), (1, "a")).redrive(1).redrive(1, UNKNOWN)
    story.dequeue("a", "A2", due_at=0).fail("a", "A2", dead=True)
    story.discard_range(1, after=2, limit=1).redrive_range(1)
    story.enqueue("a", EnqueueOutcome.DUPLICATE).dequeue("a", "A3", due_at=0).finish("a", "A3")
    totals = Totals(enqueued=2, dequeued=4, finished=1, failed=3, dead=3, redriven=2, discarded=1)
    story.look_at_type(totals, type_view())
    assert exactly(story) == set()
    assert story.broken_rules() == set()


def test_a_redriven_job_begins_anew() -> None:
    story = LetterStory().enqueue("a", requeue_limit=1).dequeue("a", "A1", requeues=1)
    story.fail("a", "A1").dequeue("a", "A2", attempt=2, requeues=0).fail("a", "A2")
    story.redrive("a")
    for attempt, requeues in ((1, 1), (3, 1), (1, 0)):
        again = story.copy()
        again.dequeue("a", "A3", attempt=attempt, requeues=requeues, due_at=0)
        rules = set() if (attempt, requeues) == (1, 1) else {Rule.ATTEMPTS}
        assert exactly(again) == rules
        assert again.broken_rules() == rules


def test_a_redriven_job_has_a_new_ttl() -> None:
    story = LetterStory().enqueue("a", extras=Extras(ttl=100)).dequeue("a", "A1")
    story.fail("a", "A1", dead=True).at(80)
    story.redrive("a").at(179).dequeue("a", "A2", due_at=80)
    assert exactly(story) == set()
    assert story.broken_rules() == set()
    story.release("a", "A2").at(180).dequeue("a", "A3", attempt=2, due_at=80)
    assert Rule.TTL in exactly(story)
    assert Rule.TTL in story.broken_rules()


def test_a_redriven_job_brings_the_interval_that_its_queue_had() -> None:
    story = LetterStory().kill("a", "A", interval=100)
    story.at(100).redrive("a").dequeue("a", "A2").fail("a", "A2", dead=True).redrive("a")
    story.at(199).dequeue("a", "A3")
    assert Rule.RATE in exactly(story) & story.broken_rules()


def test_a_redrive_of_a_job_that_lives() -> None:
    story = LetterStory().kill("a", "A1").enqueue("a").dequeue("a", "A2")
    assert exactly(story.redrive("a")) >= {Rule.AMENDING}
    assert story.broken_rules() == {Rule.DOUBLING}


def test_a_lease_that_stands_after_a_redrive_of_its_job() -> None:
    story = LetterStory().kill("a", "A1").enqueue("a").dequeue("a", "A2").at(LEASE_TIME)
    assert Rule.FENCING in story.redrive("a").finish("a", "A2").broken_rules()


@pytest.mark.parametrize("is_exact", [True, False])
def test_a_letter_that_goes_twice(*, is_exact: bool) -> None:
    story = two_letters().discard(1).redrive(1)
    assert {Rule.AMENDING, Rule.LETTERS} & story.broken_rules(seen_whole=is_exact)


def test_a_letter_that_is_listed_after_it_went() -> None:
    story = two_letters().discard(2).list_letters((2, "b"), (1, "a"))
    assert Rule.LISTING in exactly(story)
    assert story.broken_rules() == {Rule.DOUBLING}


def test_a_number_of_two_letters() -> None:
    story = two_letters().list_letters((1, "a"), (2, "b")).list_letters((1, "b"), (2, "a"))
    assert Rule.LETTERS in story.broken_rules()


def test_letters_that_are_listed_out_of_order_or_left_out() -> None:
    assert exactly(two_letters().list_letters((1, "a"), (2, "b"))) == {Rule.LISTING}
    assert Rule.LISTING in exactly(two_letters().list_letters((2, "b")))
    assert two_letters().list_letters((2, "b")).broken_rules() == {Rule.LISTING}


def test_a_letter_that_another_call_may_have_taken_may_be_left_out() -> None:
    story = two_letters().redrive("a", during=(65, 200)).list_letters((2, "b"))
    assert story.broken_rules() == set()


@pytest.mark.parametrize(
    ("count", "after", "is_right"),
    [(1, 1, True), (1, None, False), (2, None, False), (1, 2, False)],
)
def test_a_discard_of_a_range(count: int, after: int | None, *, is_right: bool) -> None:
    story = two_letters().discard_range(count, after=after, limit=1)
    assert exactly(story) == (set() if is_right else {Rule.LETTERS})


def test_a_redrive_of_a_range_leaves_what_lives() -> None:
    story = two_letters().enqueue("a")
    assert exactly(story.redrive_range(1, duplicates=1)) == set()
    story = two_letters().enqueue("a")
    assert exactly(story.redrive_range(2)) >= {Rule.LETTERS}


@pytest.mark.parametrize(
    ("retention", "left"),
    [
        (Retention(max_age=100), 2),
        (Retention(max_age=99), 0),
        (Retention(max_count=1), 1),
        (Retention(max_count=0), 0),
    ],
)
def test_letters_that_are_too_old_or_too_many_are_dropped(retention: Retention, left: int) -> None:
    for found in range(3):
        story = two_letters().at(99)
        story.drop(retention).look(0, 0, found, counted=(2, 2))
        assert (exactly(story) == set()) == (found == left)
        assert story.broken_rules() == ({Rule.LOSS} if found < 2 and left == 2 else set())


def test_a_clearing_by_states() -> None:
    for dead in (1, 0):
        story = LetterStory().kill("a", "A").enqueue("b").enqueue("c").dequeue("b", "B", behind=1)
        what = Clear("q", frozenset({JobState.WAITING, JobState.DEAD}))
        story.clear(1, 0, dead, what=what)
        assert exactly(story) == (set() if dead else {Rule.COUNTS})
        story.finish("b", "B")
        assert story.broken_rules() == set()


def test_a_lease_that_survives_a_clearing_of_what_is_leased() -> None:
    story = LetterStory().enqueue("a").dequeue("a", "A")
    story.clear(0, 1, what=Clear(states=frozenset({JobState.LEASED})))
    assert Rule.FENCING in story.finish("a", "A").broken_rules()


def test_a_clearing_of_other_states_ends_no_lease() -> None:
    story = LetterStory().enqueue("a").enqueue("b").dequeue("a", "A", behind=1)
    story.clear(1, 0, what=Clear("q", frozenset({JobState.WAITING}))).finish("a", "A")
    assert exactly(story) == story.broken_rules() == set()
    story.enqueue("c").dequeue("c", "C").clear(
        0, 0, delayed=1, what=Clear("q", frozenset({JobState.DELAYED}))
    )
    assert Rule.FENCING in story.finish("c", "C", LeaseOutcome.STALE).broken_rules()


@pytest.mark.parametrize("dead", [0, 1, 2])
def test_totals_that_drift(dead: int) -> None:
    totals = Totals(enqueued=1, dequeued=1, failed=1, dead=dead)
    story = LetterStory().kill("a", "A").look_at_type(totals, type_view(dead=1))
    assert exactly(story) == (set() if dead == 1 else {Rule.TOTALS})
    assert story.broken_rules() == (set() if dead else {Rule.TOTALS})


def test_totals_that_calls_without_an_answer_may_have_raised() -> None:
    for enqueued in (1, 2, 3):
        totals = Totals(enqueued=enqueued, dequeued=1, failed=1, dead=1)
        story = LetterStory().kill("a", "A").enqueue("b", lost=True)
        story.look_at_type(totals, type_view(dead=1, waiting=enqueued - 1))
        assert story.broken_rules() == (set() if enqueued < 3 else {Rule.TOTALS})


@pytest.mark.parametrize("early", [1, 0])
def test_totals_are_forgotten_when_nothing_was_there_for_a_day(early: int) -> None:
    story = LetterStory().kill("a", "A").discard("a").at(24 * 3600 * 1000 - early)
    for totals in (Totals(enqueued=1, dequeued=1, failed=1, dead=1, discarded=1), Totals()):
        again = story.copy()
        again.kill("b", "B")
        again.look_at_type(
            Totals(
                enqueued=totals.enqueued + 1,
                dequeued=totals.dequeued + 1,
                failed=totals.failed + 1,
                dead=totals.dead + 1,
                discarded=totals.discarded,
            ),
            type_view(dead=1),
        )
        is_right = bool(totals.dead) == bool(early)
        assert (Rule.TOTALS not in exactly(again)) == is_right


def test_what_waits_throughout_a_listing_is_listed() -> None:
    story = LetterStory().enqueue("a").enqueue("b").enqueue("c")
    story.list_waiting("a", leads_to="1")
    again = story.copy()
    assert exactly(again.list_waiting("c", cursor="1")) == {Rule.LISTING}
    assert again.broken_rules() == {Rule.LISTING}
    story.dequeue("b", "B", behind=2).list_waiting("c", cursor="1")
    assert story.broken_rules() == set()


def test_a_job_that_was_never_enqueued_is_not_listed() -> None:
    story = LetterStory().enqueue("a").enqueue("b", lost=True)
    assert story.list_waiting("a", "b").broken_rules() == set()
    assert story.list_waiting("a", "c").broken_rules() == {Rule.LISTING}


def test_a_queue_that_has_jobs_throughout_is_listed() -> None:
    view = QueueView("q", 1, ready_since=START, next_ready_at=START)
    for listing, shown in ((Names(), "q"), (Queues("q"), view)):
        story = LetterStory().enqueue("a")
        assert exactly(story.list_all(listing, [shown])) == story.broken_rules() == set()
        story.list_all(listing, [])
        assert exactly(story) == story.broken_rules() == {Rule.LISTING}


def test_a_queue_with_a_letter_alone_is_listed_as_one() -> None:
    story = LetterStory().kill("a", "A").list_all(Queues(), [QueueView("q", dead=1)])
    assert exactly(story) == set()
    assert Rule.LISTING in exactly(story.list_all(Names(), ["q"]))
    story = LetterStory().kill("a", "A").list_all(Queues(), [])
    assert exactly(story) == story.broken_rules() == {Rule.LISTING}

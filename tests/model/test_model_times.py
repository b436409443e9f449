"""The checker on the times of jobs: histories that are seen whole, and such that are not."""

import pytest
from model.stories import DUPLICATE, LEASE_TIME, NO_RULES, STALE, START, Story
from msgspec.structs import replace

from sharq_plug.model import Deduplicate, Extras, Hold, HoldKind, RequeueDelay
from sharq_plug.testing.model_check import Rule

LATER = Extras(delay=100)
SHORT = Extras(ttl=100)
HIGH = Extras(priority=1)
KEYED = Extras(deduplicate=Deduplicate("k", 100))
PATIENT = Extras(requeue_delay=RequeueDelay(10, 10))


def broken_rules(story: Story) -> set[Rule]:
    """Return what is broken of a history that is seen whole."""
    return story.broken_rules(seen_whole=True)


def test_a_long_legal_story_of_times_breaks_no_rule() -> None:
    story = Story().enqueue("a", extras=LATER).enqueue("b", extras=PATIENT, requeue_limit=1)
    story.look(1, delayed=1, counted=(2, 0), ready_since=0, ready_at=0)
    story.dequeue("b", "B1", requeues=1)
    story.extend("b", "B1", 50).at(50).fail("b", "B1").find_nothing(60).at(60)
    story.dequeue("b", "B2", attempt=2, requeues=0, due_at=60).fail("b", "B2").find_nothing(100)
    story.at(100).look(1, 0, 1, counted=(2, 2), ready_since=100, ready_at=100)
    story.dequeue("a", "A1", due_at=100).release("a", "A1", delay=20)
    story.find_nothing(120).clear(0, 0, delayed=1).find_nothing(None)
    assert broken_rules(story) == set()


def test_a_job_that_goes_before_its_time() -> None:
    story = Story().enqueue("a", extras=LATER).at(99).dequeue("a", "A")
    assert Rule.DELAY in story.broken_rules()
    assert Rule.DELAY in broken_rules(story)
    assert Story().enqueue("a", extras=LATER).at(100).dequeue("a", "A").broken_rules() == set()


def test_a_job_that_goes_when_its_ttl_has_passed() -> None:
    story = Story().enqueue("a", extras=SHORT).at(100).dequeue("a", "A")
    assert story.broken_rules() == {Rule.TTL}
    assert broken_rules(story) & {Rule.TTL, Rule.DOUBLING}
    assert Story().enqueue("a", extras=SHORT).at(99).dequeue("a", "A").broken_rules() == set()


def test_a_ttl_that_is_ignored_once_a_job_came_back() -> None:
    story = Story().enqueue("a", extras=SHORT).dequeue("a", "A1").at(99).release("a", "A1")
    assert story.at(100).dequeue("a", "A2", attempt=2).broken_rules() == {Rule.TTL}


def test_an_enqueue_that_may_have_been_an_earlier_one_excuses_the_time() -> None:
    story = Story().enqueue("a", lost=True).enqueue("a", extras=LATER, lost=True)
    assert story.at(50).dequeue("a", "A").broken_rules() == set()


@pytest.mark.parametrize(("later", "is_early"), [(29, True), (30, False)])
def test_a_release_or_a_fail_with_a_delay(*, later: int, is_early: bool) -> None:
    expected = {Rule.DELAY} if is_early else set()
    story = Story().enqueue("a").dequeue("a", "A1").release("a", "A1", delay=30)
    assert story.at(later).dequeue("a", "A2", attempt=2).broken_rules() == expected
    story = Story().enqueue("a").dequeue("a", "A1").fail("a", "A1", delay=30)
    assert story.at(later).dequeue("a", "A2", attempt=2).broken_rules() == expected


def test_a_requeue_delay_that_does_not_grow() -> None:
    story = Story().enqueue("a", extras=PATIENT).dequeue("a", "A1").fail("a", "A1")
    story.at(10).dequeue("a", "A2", attempt=2).fail("a", "A2")
    assert story.at(20).dequeue("a", "A3", attempt=3).broken_rules() == {Rule.DELAY}


def test_a_fail_that_spends_nothing_and_a_release_that_does() -> None:
    story = Story().enqueue("a", requeue_limit=2).dequeue("a", "A1", requeues=2).fail("a", "A1")
    story.dequeue("a", "A2", attempt=2, requeues=2)
    assert story.broken_rules() == {Rule.ATTEMPTS}
    story = Story().enqueue("a", requeue_limit=2).dequeue("a", "A1", requeues=2)
    story.release("a", "A1").dequeue("a", "A2", attempt=2, requeues=1)
    assert story.broken_rules() == {Rule.ATTEMPTS}


def test_a_lost_fail_may_have_spent_a_requeue_or_not() -> None:
    for left in (1, 2):
        story = Story().enqueue("a", requeue_limit=2).dequeue("a", "A1", requeues=2)
        story.fail("a", "A1", lost=True).release("a", "A1", lost=True)
        story.dequeue("a", "A2", attempt=2, requeues=left)
        assert story.broken_rules() == set()


def test_a_job_that_comes_back_though_it_was_failed_for_good() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").fail("a", "A1", dead=True)
    assert Rule.DOUBLING in story.dequeue("a", "A2", attempt=2).broken_rules()


def test_a_job_that_may_have_died_of_its_ttl_or_a_fail_is_not_lost() -> None:
    assert Story().enqueue("a", extras=SHORT).look(0, 0, 1).broken_rules() == set()
    story = Story().enqueue("a").dequeue("a", "A").fail("a", "A", dead=True, lost=True)
    assert story.look(0, 0, 1).broken_rules() == set()
    assert Story().enqueue("a").look(0, 0, 1).broken_rules() == {Rule.LOSS}


def test_a_delayed_job_is_not_lost() -> None:
    held = replace(NO_RULES, held_by=(Hold(HoldKind.DELAY, START + 100),))
    story = Story().enqueue("a", extras=LATER)
    assert story.look(0, delayed=1, rules=held).broken_rules() == set()
    assert Story().enqueue("a", extras=LATER).look(0).broken_rules() == {Rule.LOSS}


def test_a_lease_that_was_extended_is_ended_too_soon() -> None:
    story = Story().enqueue("a").dequeue("a", "A").extend("a", "A", 2 * LEASE_TIME)
    story.at(LEASE_TIME).tend(("a", "A"))
    assert story.broken_rules() == {Rule.RECLAIM}
    story = Story().enqueue("a").dequeue("a", "A").extend("a", "A", 2 * LEASE_TIME)
    story.at(LEASE_TIME).dequeue("a", "A2", attempt=2)
    assert story.broken_rules() == {Rule.REDELIVERY}


def test_a_lease_that_was_cut_short_ends_earlier() -> None:
    story = Story().enqueue("a").dequeue("a", "A").extend("a", "A", 10)
    assert story.at(10).tend(("a", "A")).broken_rules() == set()
    story = Story().enqueue("a").dequeue("a", "A").extend("a", "A", 10, lost=True)
    assert story.at(10).tend(("a", "A")).broken_rules() == set()


def test_an_extend_of_a_lease_that_was_ended() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(LEASE_TIME).tend(("a", "A"))
    assert story.extend("a", "A", 10).broken_rules() == {Rule.FENCING}
    story = Story().enqueue("a").dequeue("a", "A").finish("a", "A").extend("a", "A", 10)
    assert Rule.FENCING in story.broken_rules()


def test_an_extend_that_is_refused_though_the_lease_stands() -> None:
    story = Story().enqueue("a").dequeue("a", "A").extend("a", "A", 10, STALE)
    assert story.broken_rules() == {Rule.FENCING}


def test_a_repeated_dequeue_shows_the_end_that_its_lease_has_now() -> None:
    story = Story().enqueue("a").dequeue("a", "A", attempt_id="one").extend("a", "A", 5000)
    story.dequeue("a", "A", attempt_id="one", is_repeated=True, expires_at=5000)
    assert broken_rules(story) == set()


def test_the_end_of_a_lease_that_somebody_may_have_extended_tells_no_instant() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.lose_a_dequeue(attempt_id="one").extend("a", None, 5000).at(100).dequeue("b", "B")
    story.dequeue("a", "A", attempt_id="one", is_repeated=True, expires_at=5000)
    assert story.broken_rules() == set()


def test_a_lower_priority_that_goes_first() -> None:
    story = Story().enqueue("a").enqueue("b", extras=HIGH).dequeue("a", "A", behind=1)
    story.dequeue("b", "B", priority=1)
    assert story.broken_rules() == {Rule.JOB_ORDER}
    assert broken_rules(story) == {Rule.JOB_ORDER}


def test_a_returned_job_goes_behind_a_higher_priority() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").enqueue("b", extras=HIGH).release("a", "A1")
    story.dequeue("b", "B", priority=1, behind=1).dequeue("a", "A2", attempt=2)
    assert story.broken_rules() == broken_rules(story) == set()


def test_a_second_job_of_a_key() -> None:
    story = Story().enqueue("a", extras=KEYED).at(99).enqueue("b", extras=KEYED)
    assert story.broken_rules() == {Rule.DEDUPLICATION}
    assert Rule.DEDUPLICATION in broken_rules(story)
    story = Story().enqueue("a", extras=KEYED).at(100).enqueue("b", extras=KEYED)
    assert story.broken_rules() == broken_rules(story) == set()


def test_two_lost_enqueues_of_a_key_whose_jobs_both_went() -> None:
    story = Story().enqueue("a", extras=KEYED, lost=True).enqueue("b", extras=KEYED, lost=True)
    assert Rule.DEDUPLICATION in story.dequeue("a", "A").dequeue("b", "B").broken_rules()


def test_a_clearing_frees_the_keys_of_what_it_removed() -> None:
    story = Story().enqueue("a", extras=KEYED).clear(1, 0).enqueue("b", extras=KEYED)
    assert story.broken_rules() == broken_rules(story) == set()
    story = Story().enqueue("a", extras=KEYED).dequeue("a", "A").finish("a", "A").clear(0, 0)
    story.enqueue("b", extras=KEYED)
    assert Rule.DEDUPLICATION in broken_rules(story)


def test_a_duplicate_of_a_key_that_nobody_remembers() -> None:
    story = Story().enqueue("b", DUPLICATE, extras=KEYED, first="a")
    assert story.broken_rules() == {Rule.DEDUPLICATION}
    story = Story().enqueue("a", extras=KEYED).at(100)
    story.enqueue("b", DUPLICATE, extras=KEYED, first="a")
    assert story.broken_rules() == {Rule.DEDUPLICATION}
    story = Story().enqueue("a", extras=KEYED, lost=True).at(100)
    assert story.enqueue("b", DUPLICATE, extras=KEYED, first="a").broken_rules() == set()


def test_a_step_of_tending_may_have_left_out_a_type_in_which_nothing_had_expired() -> None:
    for dead in (0, 1):
        story = Story().enqueue("a", extras=SHORT).at(100).tend(more=True)
        story.look(1 - dead, 0, dead, counted=(1, 0), ready_since=None if dead else 0)
        assert broken_rules(story) == set()
    story = Story().enqueue("a", extras=SHORT).at(100).tend()
    assert broken_rules(story.look(1, counted=(1, 0))) & {Rule.COUNTS, Rule.RECLAIM}

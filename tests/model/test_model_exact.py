"""The checker on histories of which every call is known, one after the other."""

import pytest
from model.stories import DUPLICATE, STALE, UNKNOWN, Story

from sharq_plug.model import LeaseOutcome
from sharq_plug.testing.model_check import Rule


def broken_rules(story: Story) -> set[Rule]:
    return story.broken_rules(seen_whole=True)


def test_a_long_legal_story_breaks_no_rule() -> None:
    story = Story().enqueue("a", interval=100, requeue_limit=1).enqueue("b", interval=100)
    story.enqueue("a", DUPLICATE, interval=200).dequeue("a", "A1", requeues=1, behind=1)
    story.find_nothing(200).at(200).dequeue("b", "B1").finish("b", "B1").finish("b", "B1")
    story.finish("b", "B2", UNKNOWN).release("a", "A1").at(400)
    story.dequeue("a", "A2", attempt=2, requeues=1).finish("a", "A1", STALE)
    story.find_nothing(1400).at(1400).tend(("a", "A2")).dequeue("a", "A3", attempt=3, requeues=0)
    story.at(2400).tend(dead=[("a", "A3")]).finish("a", "A3", STALE).look(0, 0, 1, counted=(2, 4))
    story.set_interval(5, existed=False).find_nothing(None)
    assert broken_rules(story) == set()


def test_a_queue_that_is_served_too_early() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.dequeue("a", "A", behind=1).at(99).dequeue("b", "B")
    assert Rule.RATE in broken_rules(story)


def test_the_rate_of_an_emptied_queue() -> None:
    story = Story().enqueue("a", interval=100).dequeue("a", "A").finish("a", "A")
    story.at(99).enqueue("b", interval=100)
    assert Rule.RATE in broken_rules(story.dequeue("b", "B"))


def test_a_rate_that_is_paid_off_is_forgotten() -> None:
    story = Story().enqueue("a", interval=100).dequeue("a", "A").finish("a", "A")
    story.at(100).enqueue("b", interval=10**6).dequeue("b", "B")
    assert broken_rules(story) == set()


def test_a_changed_interval_that_does_not_reach_the_waiting_jobs() -> None:
    story = (
        Story().enqueue("a", interval=100).enqueue("b", interval=100).dequeue("a", "A", behind=1)
    )
    story.set_interval(50).at(60)
    assert broken_rules(story.find_nothing(100)) == {Rule.READINESS}


def test_a_wrong_next_ready_at() -> None:
    story = Story().enqueue("a").dequeue("a", "A")
    assert broken_rules(story.find_nothing(None)) == {Rule.READINESS}


def test_a_batch_that_is_not_full_and_does_not_say_when_to_come_back() -> None:
    story = Story().enqueue("a", interval=100).dequeue("a", "A", count=2)
    assert broken_rules(story) == {Rule.READINESS}


def test_a_batch_that_is_not_full_and_says_when_to_come_back() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.dequeue("a", "A", behind=1, count=2, ready_at=100)
    story.at(100).dequeue("b", "B", count=2, ready_at=1000)
    assert broken_rules(story) == set()


def test_a_full_batch_that_says_when_to_come_back() -> None:
    story = Story().enqueue("a").dequeue("a", "A", ready_at=1000)
    assert broken_rules(story) == {Rule.READINESS}


def test_a_job_served_ahead_of_an_earlier_one() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("b", "B", behind=1)
    assert broken_rules(story) == {Rule.JOB_ORDER}


def test_a_fresh_job_served_ahead_of_one_that_came_back() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A", behind=1).release("a", "A")
    assert Rule.JOB_ORDER in broken_rules(story.dequeue("b", "B", behind=1))


def test_a_tie_between_queues_that_goes_by_name() -> None:
    story = Story().enqueue("j", queue_id="z").enqueue("j", queue_id="a")
    assert broken_rules(story.dequeue("j", "A", queue_id="a")) == {Rule.QUEUE_ORDER}


def test_a_queue_that_is_served_twice_while_another_waits() -> None:
    story = Story().enqueue("j").enqueue("k").enqueue("j", queue_id="other")
    story.dequeue("j", "J", behind=1).dequeue("k", "K")
    assert broken_rules(story) == {Rule.QUEUE_ORDER}


def test_a_stale_finish_that_is_accepted() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").release("a", "A1")
    story.dequeue("a", "A2", attempt=2).finish("a", "A1")
    assert Rule.FENCING in broken_rules(story)


def test_a_finish_after_expiry_that_is_refused_though_nobody_ended_the_lease() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(5000).finish("a", "A", STALE)
    assert broken_rules(story) == {Rule.FENCING}


@pytest.mark.parametrize(("later", "outcome"), [(500, UNKNOWN), (501, STALE)])
def test_a_repeated_finish_with_a_wrong_answer(later: int, outcome: LeaseOutcome) -> None:
    story = Story().enqueue("a").dequeue("a", "A").finish("a", "A").at(later)
    assert broken_rules(story.finish("a", "A", outcome)) & {Rule.RECEIPTS, Rule.FENCING}


def test_an_id_that_is_queued_twice() -> None:
    assert Rule.IDEMPOTENCE in broken_rules(Story().enqueue("a").enqueue("a"))


def test_a_duplicate_of_nothing() -> None:
    assert Rule.IDEMPOTENCE in broken_rules(Story().enqueue("a", DUPLICATE))


def test_an_attempt_that_does_not_rise() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").release("a", "A1").dequeue("a", "A2")
    assert Rule.ATTEMPTS in broken_rules(story)


def test_a_requeue_too_many() -> None:
    story = Story().enqueue("a", requeue_limit=0).dequeue("a", "A", requeues=0).at(1000)
    assert broken_rules(story.tend(("a", "A"))) == {Rule.RECLAIM}


def test_a_lease_that_is_ended_early() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(999).tend(("a", "A"))
    assert broken_rules(story) == {Rule.RECLAIM}


def two_expired_leases() -> Story:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A", behind=1).dequeue("b", "B")
    return story.at(1000)


def test_leases_that_are_ended_in_their_order() -> None:
    assert broken_rules(two_expired_leases().tend(("a", "A"), ("b", "B"))) == set()
    story = two_expired_leases().tend(("a", "A"), limit=1, more=True).tend(("b", "B"), limit=1)
    assert broken_rules(story) == set()


def test_leases_that_are_ended_out_of_order() -> None:
    assert broken_rules(two_expired_leases().tend(("b", "B"), ("a", "A"))) == {Rule.RECLAIM}
    story = two_expired_leases().tend(("b", "B"), limit=1, more=True)
    assert broken_rules(story) == {Rule.RECLAIM}


def test_more_leases_ended_than_the_limit() -> None:
    story = two_expired_leases().tend(("a", "A"), ("b", "B"), limit=1)
    assert broken_rules(story) == {Rule.RECLAIM}


def test_tending_that_does_not_say_that_there_is_more() -> None:
    assert broken_rules(two_expired_leases().tend(("a", "A"), limit=1)) == {Rule.RECLAIM}


def test_tending_may_leave_out_a_type_if_it_says_that_there_is_more() -> None:
    assert broken_rules(two_expired_leases().tend(more=True)) == set()
    assert broken_rules(two_expired_leases().tend()) == {Rule.RECLAIM}


def test_a_dequeue_ends_expired_leases_when_nothing_is_ready() -> None:
    story = two_expired_leases().dequeue(
        "a", "A2", attempt=2, behind=1, ended=[("a", "A"), ("b", "B")]
    )
    assert broken_rules(story) == set()


def test_a_dequeue_that_gets_what_it_asked_for_ends_no_lease() -> None:
    story = two_expired_leases().enqueue("c").dequeue("c", "C", ended=[("a", "A"), ("b", "B")])
    assert broken_rules(story) == {Rule.RECLAIM}


def test_a_dequeue_that_leaves_an_expired_lease() -> None:
    assert Rule.RECLAIM in broken_rules(two_expired_leases().find_nothing(1000))
    story = two_expired_leases().dequeue("a", "A2", attempt=2, ended=[("a", "A")])
    assert Rule.RECLAIM in broken_rules(story)


def test_the_last_jobs_of_a_type_die_and_there_is_nothing_to_wait_for() -> None:
    story = Story().enqueue("a", requeue_limit=0).dequeue("a", "A", requeues=0)
    assert broken_rules(story.at(1000).find_nothing(None, dead=[("a", "A")])) == set()


@pytest.mark.parametrize(("ready_at", "is_right"), [(1000, True), (1500, True), (1501, False)])
def test_when_a_leased_job_is_ready_at_the_latest(ready_at: int, *, is_right: bool) -> None:
    story = Story().enqueue("a", interval=1500).dequeue("a", "A").find_nothing(ready_at)
    assert broken_rules(story) == (set() if is_right else {Rule.READINESS})


def test_no_job_can_be_ready_before_a_lease_expires() -> None:
    story = Story().enqueue("a", interval=1500).dequeue("a", "A").find_nothing(999)
    assert broken_rules(story) == {Rule.READINESS}


def test_a_lease_given_twice() -> None:
    story = Story().enqueue("a").dequeue("a", "A").dequeue("a", "B", attempt=2)
    assert Rule.REDELIVERY in broken_rules(story)


def test_a_job_that_is_gone() -> None:
    assert Rule.LOSS in broken_rules(Story().enqueue("a").look(0, counted=(1, 0)))


def test_a_job_that_comes_back_after_its_queue_was_cleared() -> None:
    story = Story().enqueue("a").dequeue("a", "A").clear(0, 1).at(1000)
    assert Rule.DOUBLING in broken_rules(story.dequeue("a", "B", attempt=2))


def test_a_duplicate_that_is_counted() -> None:
    story = Story().enqueue("a").enqueue("a", DUPLICATE)
    story.look(1, counted=(2, 0), ready_since=0, ready_at=0)
    assert broken_rules(story) == {Rule.COUNTS}


def test_another_payload() -> None:
    story = Story().enqueue("a", payload=b"1").enqueue("a", DUPLICATE, payload=b"2")
    assert Rule.PAYLOAD in broken_rules(story.dequeue("a", "A", payload=b"2"))


def test_a_repeated_dequeue_that_takes_another_job() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A", behind=1, attempt_id="one")
    assert Rule.REPETITION in broken_rules(story.dequeue("b", "B", attempt_id="one"))


def test_a_repeated_dequeue_that_gives_the_same_again() -> None:
    story = Story().enqueue("a").dequeue("a", "A", attempt_id="one")
    assert broken_rules(story.dequeue("a", "A", attempt_id="one", is_repeated=True)) == set()


def test_wakes_that_come_in_time_or_in_vain() -> None:
    story = Story().watch().wake(0).enqueue("a", interval=100).wake(0).dequeue("a", "A1")
    story.release("a", "A1").wake(100).at(50).set_interval(70).wake(20).wake(0).leave()
    story.at(70).dequeue("a", "A2", attempt=2).clear(0, 1)
    assert broken_rules(story) == set()


def test_a_wake_in_the_middle_of_its_call() -> None:
    story = Story().watch().enqueue("a", during=(20, 35)).wake(0, during=(30, 30)).at(5)
    assert broken_rules(story.find_nothing(None)) == {Rule.READINESS}


def test_one_wake_for_two_calls_tells_of_the_first_place() -> None:
    story = Story().watch().enqueue("a").enqueue("b", queue_id="p").wake(0).at(1)
    assert broken_rules(story.leave()) == set()


def test_a_wake_with_a_delay_of_0_after_a_lost_connection_is_early_enough() -> None:
    story = Story().enqueue("a", interval=100).dequeue("a", "A1").watch().release("a", "A1")
    story.wake(0).at(100).dequeue("a", "A2", attempt=2).leave()
    assert broken_rules(story) == set()


def test_a_watcher_that_leaves_is_told_first() -> None:
    assert broken_rules(Story().watch().enqueue("a").leave()) == {Rule.WAKING}


@pytest.mark.parametrize("told", [[], [101]])
def test_a_watcher_that_is_not_told_or_too_late(told: list[int]) -> None:
    story = Story().enqueue("a", interval=100).dequeue("a", "A1").watch().release("a", "A1")
    for delay in told:
        story.wake(delay)
    assert broken_rules(story.at(101).leave()) == {Rule.WAKING}


def test_a_wake_that_is_heard_when_the_job_is_long_ready() -> None:
    assert broken_rules(Story().watch().enqueue("a").at(1).wake(0)) == {Rule.WAKING}


def test_each_who_watches_is_told() -> None:
    story = Story().watch(0).watch(1).enqueue("a").wake(0, watcher=0).at(1)
    assert broken_rules(story.find_nothing(None)) >= {Rule.WAKING}


def test_who_watches_is_told_of_an_interval_that_brings_a_queue_forward() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.dequeue("a", "A", behind=1).watch().set_interval(50)
    assert broken_rules(story.leave()) == {Rule.WAKING}


def test_who_watches_need_not_be_told_of_what_was_foreseen() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.dequeue("a", "A", behind=1).watch().enqueue("c", interval=100).set_interval(200)
    assert broken_rules(story.finish("a", "A").leave()) == set()


def test_who_has_left_is_not_woken() -> None:
    assert broken_rules(Story().watch().leave().wake(0)) == {Rule.WAKING}


def test_a_delay_is_never_negative() -> None:
    assert broken_rules(Story().watch().wake(-1)) == {Rule.WAKING}

"""The checker on calls that overlap, have no answer, or were not seen."""

from model.stories import DUPLICATE, LEASE_TIME, STALE, UNKNOWN, Story

from sharq_plug.testing.model_check import History, Rule, merge


def test_two_dequeues_of_a_queue_too_close_however_they_overlap() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.dequeue("a", "A", during=(30, 90)).at(99).dequeue("b", "B", during=(40, 80))
    assert Rule.RATE in story.broken_rules()


def test_an_interval_that_may_have_been_shorter_in_between_excuses_them() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.dequeue("a", "A", during=(30, 90)).set_interval(50, lost=True)
    story.at(50).dequeue("b", "B")
    assert story.broken_rules() == set()


def test_an_interval_that_was_shorter_long_before_does_not() -> None:
    story = Story().enqueue("a", interval=50).enqueue("b", interval=100)
    story.dequeue("a", "A").at(50).dequeue("b", "B")
    assert story.broken_rules() == {Rule.RATE}


def test_a_call_that_began_before_its_queue_lost_its_interval_and_ended_after_that() -> None:
    story = Story().enqueue("a", interval=100).enqueue("b", interval=100)
    story.at(5).set_interval(0)  # its clock is ahead of that of the dequeues
    story.at(0).dequeue("a", "A").at(1).dequeue("b", "B", during=(29, 60))
    assert story.broken_rules() == set()


def test_a_later_job_served_first() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("b", "B").dequeue("a", "A")
    assert story.broken_rules() == {Rule.JOB_ORDER}


def test_calls_that_overlap_may_be_served_in_any_order() -> None:
    enqueued = Story().enqueue("a", during=(10, 20)).enqueue("b", during=(15, 25))
    assert enqueued.dequeue("b", "B").dequeue("a", "A").broken_rules() == set()
    dequeued = Story().enqueue("a").enqueue("b")
    dequeued.dequeue("b", "B", during=(30, 50)).dequeue("a", "A", during=(40, 60))
    assert dequeued.broken_rules() == set()


def test_a_lost_dequeue_may_have_been_the_first() -> None:
    story = Story().enqueue("a").enqueue("b").lose_a_dequeue().dequeue("b", "B")
    assert story.at(LEASE_TIME).dequeue("a", "A", attempt=2).broken_rules() == set()


def test_a_fresh_job_served_while_a_returned_one_waits() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A1").release("a", "A1")
    story.dequeue("b", "B").dequeue("a", "A2", attempt=2)
    assert story.broken_rules() == {Rule.JOB_ORDER}


def test_a_late_finish_that_ends_another_lease() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").at(LEASE_TIME).dequeue("a", "A2", attempt=2)
    assert story.finish("a", "A1").broken_rules() == {Rule.FENCING}


def test_a_lost_finish_may_have_left_a_receipt() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").finish("a", "A1", lost=True)
    story.enqueue("a").dequeue("a", "A2")
    assert story.finish("a", "A1").broken_rules() == set()


def test_a_finish_that_overlaps_the_next_lease_may_have_been_first() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").at(LEASE_TIME)
    story.finish("a", "A1", during=(30, 60)).enqueue("a", during=(35, 61))
    assert story.dequeue("a", "A2", during=(40, 62)).broken_rules() == set()


def test_a_lease_that_is_both_handed_back_and_finished() -> None:
    story = Story().enqueue("a").dequeue("a", "A").release("a", "A").finish("a", "A")
    assert story.broken_rules() == {Rule.FENCING}


def test_a_token_that_nobody_was_given() -> None:
    story = Story().enqueue("a").dequeue("a", "A").finish("a", "X")
    assert story.broken_rules() == {Rule.FENCING}


def test_a_finish_that_is_refused_though_the_lease_stands() -> None:
    story = Story().enqueue("a").dequeue("a", "A").finish("a", "A", STALE)
    assert story.broken_rules() == {Rule.FENCING}


def test_a_finish_after_expiry_may_be_refused_for_an_end_that_was_not_seen() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(LEASE_TIME).finish("a", "A", STALE)
    assert story.broken_rules() == set()


def test_a_receipt_that_is_gone_too_soon() -> None:
    story = Story().enqueue("a").dequeue("a", "A").finish("a", "A").finish("a", "A", UNKNOWN)
    assert story.broken_rules() == {Rule.RECEIPTS}


def test_a_job_leased_again_before_its_lease_expired() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").at(LEASE_TIME - 1)
    assert story.dequeue("a", "A2", attempt=2).broken_rules() == {Rule.REDELIVERY}


def test_a_lost_release_may_have_handed_the_job_back() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").release("a", "A1", lost=True)
    assert story.dequeue("a", "A2", attempt=2).broken_rules() == set()


def test_a_job_leased_after_it_was_finished() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").finish("a", "A1").at(LEASE_TIME)
    assert Rule.DOUBLING in story.dequeue("a", "A2", attempt=2).broken_rules()


def test_a_job_leased_for_the_first_time_twice() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").at(LEASE_TIME).dequeue("a", "A2")
    assert {Rule.DOUBLING, Rule.ATTEMPTS} <= story.broken_rules()


def test_an_enqueue_repeated_after_a_lost_one_may_bring_a_second_life() -> None:
    story = Story().enqueue("a", lost=True).dequeue("a", "A1").finish("a", "A1")
    assert story.enqueue("a").dequeue("a", "A2").finish("a", "A2").broken_rules() == set()


def test_an_attempt_that_was_skipped_without_a_lost_dequeue() -> None:
    story = Story().enqueue("a").dequeue("a", "A1").at(LEASE_TIME)
    assert story.dequeue("a", "A3", attempt=3).broken_rules() == {Rule.ATTEMPTS}


def test_an_expiry_that_costs_no_requeue() -> None:
    story = Story().enqueue("a", requeue_limit=2).dequeue("a", "A1", requeues=2).at(LEASE_TIME)
    story.dequeue("a", "A2", attempt=2, requeues=2)
    assert story.broken_rules() == {Rule.ATTEMPTS}


def test_a_lease_that_is_ended_before_it_expires() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(LEASE_TIME - 1)
    assert story.tend(("a", "A")).broken_rules() == {Rule.RECLAIM}


def test_a_lease_that_is_ended_twice() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(LEASE_TIME)
    story.tend(("a", "A"), during=(30, 90)).tend(("a", "A"), during=(40, 80))
    assert story.broken_rules() == {Rule.RECLAIM}


def test_a_job_that_dies_with_a_requeue_left_or_lives_on_without() -> None:
    story = Story().enqueue("a", requeue_limit=1).dequeue("a", "A", requeues=1).at(LEASE_TIME)
    assert story.tend(dead=[("a", "A")]).broken_rules() == {Rule.RECLAIM}
    story = Story().enqueue("a", requeue_limit=0).dequeue("a", "A", requeues=0).at(LEASE_TIME)
    assert story.tend(("a", "A")).broken_rules() == {Rule.RECLAIM}


def test_a_lease_that_is_finished_though_expiry_ended_it() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(LEASE_TIME).tend(("a", "A"))
    assert story.finish("a", "A").broken_rules() == {Rule.FENCING}


def test_a_lease_that_another_dequeue_ended() -> None:
    story = Story().enqueue("a").dequeue("a", "A").at(LEASE_TIME)
    story.dequeue("a", "A2", attempt=2, ended=[("a", "A")])
    assert story.broken_rules() == set()
    assert story.release("a", "A").broken_rules() == {Rule.FENCING}


def test_a_dead_job_that_comes_back() -> None:
    story = Story().enqueue("a", requeue_limit=0).dequeue("a", "A", requeues=0).at(LEASE_TIME)
    story.tend(dead=[("a", "A")]).dequeue("a", "A2", attempt=2, requeues=0)
    assert Rule.DOUBLING in story.broken_rules()


def test_a_fresh_job_served_while_one_whose_lease_expired_waits() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A").at(LEASE_TIME).tend(("a", "A"))
    story.dequeue("b", "B").dequeue("a", "A2", attempt=2)
    assert story.broken_rules() == {Rule.JOB_ORDER}


def test_an_id_that_is_queued_while_it_lives() -> None:
    assert Story().enqueue("a").enqueue("a").broken_rules() == {Rule.IDEMPOTENCE}


def test_a_duplicate_of_what_was_never_enqueued() -> None:
    assert Story().enqueue("a", DUPLICATE).broken_rules() == {Rule.IDEMPOTENCE}
    lost = Story().enqueue("a", lost=True).enqueue("a", DUPLICATE)
    assert lost.broken_rules() == set()


def test_a_job_that_is_not_there_at_the_end() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A").finish("a", "A")
    assert story.look(0).broken_rules() == {Rule.LOSS}


def test_a_job_that_may_have_died_is_not_lost_while_a_dead_letter_is_there() -> None:
    assert Story().enqueue("a", requeue_limit=0).look(0, 0, 1).broken_rules() == set()
    assert Story().enqueue("a").look(0, 0, 1).broken_rules() == {Rule.LOSS}


def test_a_job_that_may_have_been_finished_or_cleared_is_not_lost() -> None:
    finished = Story().enqueue("a").dequeue("a", "A").finish("a", "A", lost=True)
    assert finished.look(0).broken_rules() == set()
    assert Story().enqueue("a").clear(0, 0, lost=True).look(0).broken_rules() == set()


def test_more_jobs_than_were_enqueued() -> None:
    story = Story().enqueue("a").enqueue("b", lost=True)
    assert story.look(2).broken_rules() == set()
    assert story.look(3).broken_rules() == {Rule.DOUBLING}


def test_a_repeated_dequeue_whose_first_answer_was_lost() -> None:
    story = Story().enqueue("a").enqueue("b").lose_a_dequeue()
    story.dequeue("a", "A", attempt_id="one").dequeue("a", "A", attempt_id="one")
    assert story.broken_rules() == set()


def test_a_repeated_dequeue_that_leaves_its_job_out() -> None:
    story = Story().enqueue("a").enqueue("b").dequeue("a", "A", attempt_id="one")
    assert story.dequeue("b", "B", attempt_id="one").broken_rules() == {Rule.REPETITION}


def test_what_two_recorders_saw_is_one_history() -> None:
    producer, worker = Story().enqueue("a"), Story().dequeue("a", "A", during=(20, 30))
    merged = merge([producer.history(), worker.history()])
    assert len({event.call for event in merged.events}) == 2
    assert not merged.complete
    assert isinstance(merged, History)

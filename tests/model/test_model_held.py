"""The checker on limits, settings and holds, where calls overlap or have no answer."""

from typing import Any

import pytest
from model.held_stories import CHANGED, HeldStory
from model.stories import LEASE_TIME, STALE, START

from sharq_plug.model import (
    ChangeOutcome,
    EnqueueOutcome,
    Hold,
    HoldKind,
    Limit,
    PatchQueue,
    QueueRules,
    Settings,
    SettingsPatch,
)
from sharq_plug.testing.model_check import Rule

SLOW = (Limit(1, 100),)
BURST = (Limit(1, 100, burst=3),)
TOKENS = (Limit(1, 10, burst=5, unit="token"),)


def limited(limits: tuple[Limit, ...], *ids: str, **of_jobs: Any) -> HeldStory:
    return HeldStory().patch(limits=limits).jobs(*ids, **of_jobs)


def test_a_burst_and_not_one_more() -> None:
    story = limited(BURST, "a", "b", "c", "d", "e").take("a", "b", "c")
    assert story.copy().at(100).take("d").broken_rules() == set()
    assert story.copy().at(99).take("d").broken_rules() == {Rule.RATE}
    assert story.copy().at(100).take("d").at(199).take("e").broken_rules() == {Rule.RATE}


def test_a_rest_is_saved_up_to_the_burst_alone() -> None:
    story = limited(BURST, "a", "b", "c", "d", "e").take("a").at(9000).take("b", "c", "d")
    assert story.copy().broken_rules() == set()
    assert story.take("e").broken_rules() == {Rule.RATE}


def test_deliveries_that_overlap_pay_in_some_order() -> None:
    story = limited(BURST, "a", "b", "c", "d").take("a", "b")
    story.take("c", during=(80, 200))
    assert story.copy().broken_rules() == set()
    assert story.take("d", during=(90, 190)).broken_rules() == {Rule.RATE}


def test_costs_count_for_their_unit() -> None:
    cost = {"token": 5}
    story = limited(TOKENS, "a", "b", cost=cost).take("a", cost=cost)
    assert story.copy().at(10).take("b", cost=cost).broken_rules() == set()
    assert story.copy().at(9).take("b", cost=cost).broken_rules() == {Rule.RATE}


def test_a_correction_adds_and_takes() -> None:
    story = limited(SLOW, "a", "b").take("a").correct("a", {"job": 3})
    assert story.copy().at(299).take("b").broken_rules() == {Rule.RATE}
    assert story.copy().at(300).take("b").broken_rules() == set()
    cost = {"job": 3}
    story = limited(SLOW, "a", "b", cost=cost).take("a", cost=cost).correct("a", {"job": 1})
    assert story.copy().at(99).take("b", cost=cost).broken_rules() == {Rule.RATE}
    assert story.copy().at(100).take("b", cost=cost).broken_rules() == set()


def test_a_lost_correction_may_have_taken_and_need_not_have_added() -> None:
    story = limited(SLOW, "a", "b").take("a").correct("a", {"job": 3}, lost=True)
    assert story.at(100).take("b").broken_rules() == set()
    cost = {"job": 3}
    story = limited(SLOW, "a", "b", cost=cost).take("a", cost=cost)
    story.correct("a", {"job": 1}, lost=True)
    assert story.at(100).take("b", cost=cost).broken_rules() == set()


def test_a_correction_takes_after_what_another_may_have_added() -> None:
    cost = {"job": 3}
    story = limited(SLOW, "a", "b", "c", cost=cost).take("a", cost=cost).at(300)
    story.take("b", cost=cost).at(600).correct("b", {"job": 4}, during=(70, 190))
    story.correct("a", {"job": 1}, during=(80, 180))
    assert story.take("c", cost=cost, during=(200, 210)).broken_rules() == set()


def test_a_changed_limit_keeps_its_units() -> None:
    story = limited((Limit(1, 100, burst=2),), "a", "b", "c").take("a", "b")
    story.patch(limits=(Limit(1, 50, burst=2),))
    assert story.copy().at(50).take("c").broken_rules() == set()
    assert story.copy().at(49).take("c").broken_rules() == {Rule.RATE}


def test_a_new_limit_begins_with_one_unit_where_the_queue_stayed() -> None:
    story = limited((), "a", "b").take("a").patch(limits=(Limit(1, 100, unit="token"),))
    assert story.copy().at(99).take("b").broken_rules() == {Rule.RATE}
    gone = limited((), "a").take("a").finish("a", "A").at(1).jobs("b")
    gone.patch(limits=(Limit(1, 100, unit="token"),))
    assert gone.at(99).take("b").broken_rules() == set()


def test_limits_that_a_lost_change_may_have_lifted() -> None:
    story = limited(SLOW, "a", "b").take("a").patch(limits=(), lost=True).take("b")
    assert story.broken_rules() == set()


def test_settings_go_before_an_interval_that_is_brought() -> None:
    story = limited((), "a", "b").enqueue("c", interval=1000).take("a", "b")
    assert story.broken_rules() == set()
    story = limited(SLOW, "a", "b").enqueue("c", interval=1).take("a").at(99).take("b")
    assert story.broken_rules() == {Rule.RATE}


def test_concurrency_counts_leases_until_they_surely_may_be_over() -> None:
    story = HeldStory().patch(concurrency=1).jobs("a", "b").take("a")
    assert story.copy().take("b").broken_rules() == {Rule.CONCURRENCY}
    assert story.copy().finish("a", "A", lost=True).take("b").broken_rules() == set()
    assert story.copy().at(LEASE_TIME).take("b").broken_rules() == set()
    story.at(LEASE_TIME).take("b").tend(("a", "A"))
    assert story.broken_rules() == {Rule.CONCURRENCY}


def test_two_leases_at_once_of_one_that_may_stand() -> None:
    story = HeldStory().patch(concurrency=1).jobs("a", "b").take("a", during=(50, 90))
    assert story.take("b", during=(60, 80)).broken_rules() == {Rule.CONCURRENCY}


def test_a_paused_queue_gives_nothing_until_it_may_be_resumed() -> None:
    story = HeldStory().jobs("a").patch(paused=True)
    assert story.copy().take("a").broken_rules() == {Rule.PAUSE}
    assert story.copy().patch(paused=None, lost=True).take("a").broken_rules() == set()
    assert story.copy().take("a", during=(1, 99)).broken_rules() == set()


def test_a_frozen_queue_gives_nothing_until_the_freeze_may_be_over() -> None:
    story = HeldStory().jobs("a", "b").take("a").freeze("a", 50)
    assert story.copy().at(49).take("b").broken_rules() >= {Rule.PAUSE}
    assert Rule.PAUSE not in story.copy().at(50).take("b").broken_rules()
    assert Rule.PAUSE not in story.copy().patch(0, lost=True).at(9).take("b").broken_rules()
    stale = HeldStory().jobs("a", "b").take("a").finish("a", "A").freeze("a", 50, outcome=STALE)
    assert stale.take("b").broken_rules() == set()


def test_the_gate_holds_all_queues_together() -> None:
    two = HeldStory().jobs("a").jobs("b", queue_id="r")
    story = two.copy().gate(limits=SLOW).take("a").at(99).take("b", queue_id="r")
    assert story.broken_rules() == {Rule.RATE}
    story = two.copy().gate(concurrency=1).take("a").take("b", queue_id="r")
    assert story.broken_rules() == {Rule.CONCURRENCY}
    assert two.copy().gate(paused=True).take("a").broken_rules() == {Rule.PAUSE}
    assert two.copy().gate(5).at(4).take("a").broken_rules() == {Rule.PAUSE}


def test_a_gate_without_limits_forgets_what_was_owed() -> None:
    story = HeldStory().gate(limits=SLOW).jobs("a", "b").take("a").gate(limits=())
    assert story.gate(limits=SLOW).take("b").broken_rules() == set()


def test_defaults_that_tighten_hold_for_the_next_delivery() -> None:
    story = HeldStory().jobs("a", "b").take("a").defaults(limits=SLOW).at(99)
    assert story.copy().take("b").broken_rules() == {Rule.RATE}
    assert story.patch(limits=()).take("b").broken_rules() == set()


@pytest.mark.parametrize(("weight", "is_fair"), [(3, True), (1, False)])
def test_queues_that_stay_ready_share_by_their_weights(*, weight: int, is_fair: bool) -> None:
    story = HeldStory().patch(weight=weight, limits=())
    story.patch(queue_id="r", limits=()).jobs(*"abcdefg").jobs(*"xyz", queue_id="r")
    for turn, other in (("abc", "x"), ("def", "y")):
        story.take(*turn).take(other, queue_id="r")
    story.take("g").take("z", queue_id="r")
    assert story.broken_rules() == (set() if is_fair else {Rule.QUEUE_ORDER})


def test_a_queue_that_was_held_need_not_have_had_its_turn() -> None:
    story = HeldStory().jobs(*"abcde").jobs("x", queue_id="r").patch(paused=True, queue_id="r")
    story.take(*"abcde").patch(paused=False, queue_id="r").take("x", queue_id="r")
    assert story.broken_rules() == set()


def test_settings_are_told_as_they_were_set() -> None:
    right = QueueRules(Settings(concurrency=2), Settings((), concurrency=2))
    wrong = QueueRules(Settings(concurrency=3), Settings((), concurrency=3))
    story = HeldStory().patch(concurrency=2)
    assert story.copy().rules(right).broken_rules() == set()
    assert story.copy().rules(wrong).broken_rules() == {Rule.SETTINGS}
    assert story.patch(concurrency=3, lost=True).rules(wrong).broken_rules() == set()


def test_a_hold_is_told_where_the_rest_of_the_look_shows_it() -> None:
    settings = Settings(concurrency=1)
    rules = QueueRules(settings, Settings((), concurrency=1))
    story = HeldStory().patch(concurrency=1).jobs("a", "b").take("a")
    assert story.copy().rules(rules, waiting=1, leased=1).broken_rules() == {Rule.HOLDS}
    full = QueueRules(settings, rules.in_effect, held_by=(Hold(HoldKind.CONCURRENCY),))
    assert story.copy().rules(full, waiting=1, leased=1).broken_rules() == set()


def test_a_job_goes_no_sooner_than_was_told() -> None:
    story = limited(SLOW, "a", "b", "c").take("a")
    story.find("c", Hold(HoldKind.LIMIT, START + 100, "job"), earliest=250)
    story.at(100).take("b").at(200)
    assert story.copy().take("c").broken_rules() == {Rule.HOLDS}
    assert story.patch(limits=SLOW).take("c").broken_rules() == set()


def test_what_pauses_a_job_is_told_and_only_an_event_frees_it() -> None:
    story = HeldStory().jobs("a").patch(paused=True)
    assert story.copy().find("a", Hold(HoldKind.PAUSED), earliest=None).broken_rules() == set()
    assert story.copy().find("a", earliest=0).broken_rules() == {Rule.HOLDS}
    assert story.copy().find("a", Hold(HoldKind.PAUSED), earliest=5).broken_rules() == {Rule.HOLDS}


def test_an_interval_is_missed_where_no_limits_are_set_and_only_there() -> None:
    missed = EnqueueOutcome.NO_INTERVAL
    assert HeldStory().enqueue("a", missed, interval=None).broken_rules() == set()
    assert HeldStory().enqueue("a", interval=None).broken_rules() == {Rule.SETTINGS}
    story = HeldStory().patch(limits=())
    assert story.copy().enqueue("a", missed, interval=None).broken_rules() == {Rule.SETTINGS}
    assert story.copy().enqueue("a", interval=None).broken_rules() == set()


def test_a_queue_is_full_where_a_length_is_set_and_only_there() -> None:
    full = EnqueueOutcome.QUEUE_FULL
    assert HeldStory().jobs("a").enqueue("b", full).broken_rules() == {Rule.DEPTH}
    story = HeldStory().patch(max_length=1).jobs("a")
    assert story.copy().enqueue("b", full).take("a").broken_rules() == set()
    assert story.copy().enqueue("b").take("a").broken_rules() == {Rule.DEPTH}


@pytest.mark.parametrize("tag", [QueueRules(Settings(weight=2)).tag(), QueueRules().tag()])
def test_a_change_by_a_tag_is_made_where_it_fits(tag: str) -> None:
    is_present = tag != QueueRules().tag()
    story = HeldStory().patch(weight=2)
    change = PatchQueue("q", SettingsPatch(weight=3), if_match=(tag,))
    right, wrong = (CHANGED, ChangeOutcome.MISMATCH)[:: 1 if is_present else -1]
    assert story.copy().tell(change, right).broken_rules() == set()
    assert story.copy().tell(change, wrong).broken_rules() == {Rule.SETTINGS}

"""The checker on shared limits, where calls overlap or have no answer."""

from collections.abc import Sequence
from typing import Any, Self

import pytest
from model.held_stories import CHANGED, HeldStory
from model.stories import ENDED, LEASE_TIME, QUEUED, RECEIPT_TIME, START

from sharq_plug.model import (
    ChangeOutcome,
    DropLimit,
    EnqueueOutcome,
    Extras,
    Finish,
    FreezeLimit,
    Hold,
    HoldKind,
    JobRef,
    JobState,
    JobView,
    LeaseOutcome,
    LeaseRef,
    Limit,
    LimitRules,
    LimitView,
    Page,
    PatchLimit,
    Release,
    Remaining,
    Settings,
    SettingsPatch,
    SharedLimits,
    Use,
)
from sharq_plug.testing.model_check import Rule
from sharq_plug.testing.model_check.operations import PageStep

SLOW = (Limit(1, 100),)
UNKNOWN_LIMIT = EnqueueOutcome.UNKNOWN_LIMIT


class SharedStory(HeldStory):
    """A story of queues with shared limits."""

    def limit(
        self,
        name: str = "a",
        freeze: int | None = None,
        *,
        left: tuple[int, int] | None = None,
        lost: bool = False,
        during: tuple[int, int] | None = None,
        **fields: Any,
    ) -> Self:
        """Change a shared limit; `left`: so many jobs are left until so many ms after START."""
        change = PatchLimit(name, SettingsPatch(**fields), freeze)
        if left is not None:
            remaining = Remaining(left[0], START + left[1])
            change = PatchLimit(name, SettingsPatch(**fields), freeze, remaining)
        return self.tell(change, CHANGED, lost=lost, during=during)

    def drop(self, outcome: ChangeOutcome = CHANGED, name: str = "a", **how: Any) -> Self:
        return self.tell(DropLimit(name), outcome, **how)

    def bring(
        self,
        job_id: str,
        *uses: Use | str,
        queue_id: str = "q",
        outcome: EnqueueOutcome = QUEUED,
        **how: Any,
    ) -> Self:
        """Enqueue a job that brings shared limits."""
        named = tuple(Use(one) if isinstance(one, str) else one for one in uses)
        extras = Extras(uses=named)
        return self.enqueue(job_id, outcome, queue_id=queue_id, extras=extras, **how)

    def freeze_limit(
        self, job_id: str, duration: int, outcome: LeaseOutcome = ENDED, name: str = "a", **how: Any
    ) -> Self:
        lease = LeaseRef("q", job_id, job_id.upper())
        item = Release(lease, freeze_limit=FreezeLimit(name, duration))
        return self.tell(item, outcome, **how)

    def held(self, job_id: str, *held: Hold) -> Self:
        view = JobView(JobState.WAITING, 0, -1, START, held_by=held, earliest_at=START + self._ms)
        return self.tell(JobRef("q", job_id), view)

    def limits(self, *shown: LimitView) -> Self:
        return self.tell(PageStep(SharedLimits(), None, 100), Page(shown, None))


def shared(*ids: str, uses: Sequence[str] = ("a",), **fields: Any) -> SharedStory:
    """Return a story of two queues that use shared limits, with a job of each id in either."""
    story = SharedStory()
    for name in uses:
        story.limit(name, **(fields if name == "a" else {}))
    story.patch(uses=tuple(uses)).patch(uses=tuple(uses), queue_id="r")
    return story.jobs(*ids).jobs(*(f"{job_id}2" for job_id in ids), queue_id="r")


def test_queues_pay_to_the_limit_that_they_share() -> None:
    story = shared("x", limits=SLOW).take("x")
    assert story.copy().at(99).take("x2", queue_id="r").broken_rules() == {Rule.RATE}
    assert story.at(100).take("x2", queue_id="r").broken_rules() == set()


def test_a_delivery_pays_to_both_of_its_limits() -> None:
    story = shared("x", uses=("a", "b")).limit("b", limits=SLOW).take("x").at(99)
    assert story.copy().take("x2", queue_id="r").broken_rules() == {Rule.RATE}
    assert story.patch(uses=("a",), queue_id="r").take("x2", queue_id="r").broken_rules() == set()


def test_a_queue_that_may_not_use_a_limit_pays_nothing_to_it() -> None:
    story = shared("x", limits=SLOW).patch(uses=(), lost=True)
    assert story.copy().take("x").take("x2", queue_id="r").broken_rules() == set()
    assert story.copy().take("x2", queue_id="r").take("x").broken_rules() == set()


def test_what_a_queue_of_its_own_uses_goes_before_the_defaults_and_what_was_brought() -> None:
    story = SharedStory().limit(limits=SLOW).limit("b").defaults(uses=("b",))
    story.bring("x", "a").bring("y", "a")
    assert story.copy().take("x", "y").broken_rules() == set()
    assert story.copy().defaults(uses=None).take("x", "y").broken_rules() == {Rule.RATE}
    assert story.copy().patch(uses=("a",)).take("x", "y").broken_rules() == {Rule.RATE}
    assert story.patch(uses=()).defaults(uses=None).take("x", "y").broken_rules() == set()


def test_defaults_are_used_by_all_queues() -> None:
    story = SharedStory().limit(limits=SLOW).defaults(uses=("a",)).jobs("x", "y").take("x")
    assert story.copy().take("y").broken_rules() == {Rule.RATE}
    assert (
        story.defaults(
            uses=None,
        )
        .take("y")
        .broken_rules()
        == set()
    )


def test_what_was_brought_is_forgotten_when_no_job_lives() -> None:
    story = SharedStory().limit(limits=SLOW).bring("x", "a").take("x")
    stays = story.copy().bring("z", "a").jobs("y").finish("x", "X")
    assert stays.copy().take("z").broken_rules() == {Rule.RATE}
    assert stays.take("y").broken_rules() == set()
    assert story.finish("x", "X").jobs("y").take("y").broken_rules() == set()


def test_names_that_another_enqueue_may_have_brought() -> None:
    story = SharedStory().limit(limits=SLOW).limit("b").bring("x", "a").bring("y", "a")
    story.bring("z", "b", lost=True)
    assert story.take("x", "y").broken_rules() == set()


def test_an_enqueue_creates_a_limit_and_changes_none() -> None:
    use = Use("a", SLOW)
    story = SharedStory().bring("x", use).bring("y", use)
    assert story.copy().take("x", "y").broken_rules() == {Rule.RATE}
    story = SharedStory().limit(limits=()).bring("x", use).bring("y", use)
    assert story.copy().take("x", "y").broken_rules() == set()
    lost = SharedStory().limit(limits=(), lost=True).bring("x", use).bring("y", use)
    assert lost.take("x", "y").broken_rules() == set()


def test_a_limit_that_is_dropped_forgets_what_is_owed() -> None:
    story = shared("x", limits=SLOW).take("x").finish("x", "X")
    story.patch(uses=()).patch(uses=(), queue_id="r").drop().limit(limits=SLOW)
    story.patch(uses=("a",), queue_id="r").take("x2", queue_id="r")
    assert story.broken_rules() == set()


def test_a_correction_counts_for_what_the_lease_was_charged_to() -> None:
    story = shared("x", "y", limits=SLOW).take("x").patch(uses=()).correct("x", {"job": 3})
    assert story.copy().at(299).take("x2", queue_id="r").broken_rules() == {Rule.RATE}
    assert story.at(300).take("x2", queue_id="r").broken_rules() == set()


def test_a_correction_of_a_lease_that_may_have_been_charged_may_give_back() -> None:
    cost = {"job": 3}
    story = (
        SharedStory()
        .limit(limits=SLOW)
        .patch(uses=("a",), lost=True)
        .patch(uses=("a",), queue_id="r")
    )
    story.jobs("x", cost=cost).jobs("y", queue_id="r", cost=cost).jobs("z", queue_id="r")
    story.take("x", cost=cost).at(300).take("y", queue_id="r", cost=cost)
    story.correct("x", {"job": 1}).at(400)
    assert story.take("z", queue_id="r").broken_rules() == set()


def test_the_concurrency_of_a_shared_limit_counts_the_leases_of_all_queues() -> None:
    story = shared("x", "y", concurrency=1).take("x")
    assert story.copy().take("x2", queue_id="r").broken_rules() == {Rule.CONCURRENCY}
    assert story.copy().finish("x", "X", lost=True).take("y").broken_rules() == set()
    assert story.copy().at(LEASE_TIME).take("x2", queue_id="r").broken_rules() == set()
    story.patch(uses=()).take("x2", queue_id="r")
    assert story.broken_rules() == {Rule.CONCURRENCY}


def test_a_closed_limit_holds_all_queues_that_use_it() -> None:
    story = shared("x", "y").take("x")
    frozen = story.copy().freeze_limit("x", 50)
    assert frozen.copy().at(49).take("x2", queue_id="r").broken_rules() == {Rule.PAUSE}
    assert frozen.copy().at(50).take("x2", queue_id="r").broken_rules() == set()
    frozen.limit(freeze=0, lost=True)
    assert frozen.at(9).take("x2", queue_id="r").broken_rules() == set()
    assert story.copy().limit(paused=True).take("x2", queue_id="r").broken_rules() == {Rule.PAUSE}
    assert story.copy().limit(freeze=5).at(4).take("y").broken_rules() == {Rule.PAUSE}


def test_nothing_goes_once_nothing_is_left() -> None:
    story = shared("x", "y", "z").limit(left=(2, 500)).take("x", "y")
    assert story.copy().at(499).take("x2", queue_id="r").broken_rules() == {Rule.RATE}
    assert story.copy().at(500).take("x2", queue_id="r").broken_rules() == set()
    taken_back = PatchLimit("a", remaining=None)
    assert story.copy().tell(taken_back, None, lost=True).take("z").broken_rules() == set()
    assert story.copy().limit(left=(9, 300)).at(1).take("z").broken_rules() == {Rule.RATE}


def test_a_correction_may_leave_more() -> None:
    cost = {"job": 2}
    story = shared().jobs("x", cost=cost).jobs("y").limit(left=(2, 500)).take("x", cost=cost)
    assert story.copy().take("y").broken_rules() == {Rule.RATE}
    assert story.copy().correct("x", {"job": 1}, lost=True).take("y").broken_rules() == set()


def test_an_unknown_limit_is_refused_where_it_may_be_missing_and_only_there() -> None:
    assert SharedStory().bring("x", "a", outcome=UNKNOWN_LIMIT).broken_rules() == set()
    assert SharedStory().bring("x", "a").broken_rules() == {Rule.SETTINGS}
    story = SharedStory().limit()
    assert story.copy().bring("x", "a", outcome=UNKNOWN_LIMIT).broken_rules() == {Rule.SETTINGS}
    assert story.copy().drop(lost=True).bring("x", "a").broken_rules() == set()
    assert story.drop().bring("x", Use("a", ()), outcome=UNKNOWN_LIMIT).broken_rules() == {
        Rule.SETTINGS
    }


@pytest.mark.parametrize("outcome", [ChangeOutcome.IN_USE, CHANGED, ChangeOutcome.UNKNOWN])
def test_a_limit_goes_where_nothing_uses_it_and_only_there(outcome: ChangeOutcome) -> None:
    def broken(story: SharedStory) -> bool:
        return Rule.SETTINGS in story.copy().drop(outcome).broken_rules()

    is_unused = SharedStory().limit(), outcome is not CHANGED
    is_named = shared(), outcome is not ChangeOutcome.IN_USE
    is_missing = SharedStory(), outcome is not ChangeOutcome.UNKNOWN
    left = shared("x").patch(uses=()).patch(uses=(), queue_id="r")
    charged = shared("x").take("x").patch(uses=()).patch(uses=(), queue_id="r")
    for story, is_wrong in (is_unused, is_named, is_missing, (left, outcome is not CHANGED)):
        assert broken(story) == is_wrong
    assert broken(charged) == (outcome is not ChangeOutcome.IN_USE)
    assert broken(charged.at(LEASE_TIME)) == (outcome is ChangeOutcome.UNKNOWN)


def test_a_worker_freezes_what_its_lease_was_charged_to() -> None:
    refused = LeaseOutcome.NOT_CHARGED
    story = shared("x").take("x").patch(uses=())
    assert story.copy().freeze_limit("x", 5).broken_rules() == set()
    assert story.copy().freeze_limit("x", 5, refused).broken_rules() == {Rule.FENCING}
    assert story.copy().freeze_limit("x", 5, refused, "b").broken_rules() == set()
    assert story.freeze_limit("x", 5, name="b").broken_rules() == {Rule.FENCING}


def test_a_closed_limit_is_told_of_jobs_that_it_holds() -> None:
    hold = Hold(HoldKind.SHARED_LIMIT, name="a")
    story = shared("x").limit(paused=True)
    assert story.copy().held("x", hold).broken_rules() == set()
    assert story.copy().held("x").broken_rules() == {Rule.HOLDS}
    assert story.copy().limit(paused=None, lost=True).held("x").broken_rules() == set()
    other = Hold(HoldKind.SHARED_LIMIT, name="b")
    assert story.limit("b").held("x", hold, other).broken_rules() == {Rule.HOLDS}


def test_shared_limits_are_listed_as_they_are() -> None:
    rules = LimitRules(Settings(concurrency=2))
    view = LimitView("a", rules, (), START, 1, 2, now=START)
    story = shared("x", concurrency=2).take("x")
    assert story.copy().limits(view).broken_rules() == set()
    assert story.copy().limits().broken_rules() == {Rule.LISTING}
    assert story.copy().limits(view, LimitView("b")).broken_rules() == {Rule.LISTING}
    assert story.copy().limits(LimitView("a", rules, opens_at=START)).broken_rules() == {
        Rule.COUNTS
    }
    assert story.limit(concurrency=1).limits(view).broken_rules() == {Rule.SETTINGS}


def test_queues_that_use_other_limits_need_not_take_turns() -> None:
    story = SharedStory().limit().patch(uses=("a",), queue_id="r").jobs(*"uvwxyz")
    story.jobs("a", queue_id="r").take(*"uvwxyz").take("a", queue_id="r")
    assert story.copy().broken_rules() == set()


def test_a_finish_of_a_lease_that_surely_was_charged_makes_room() -> None:
    story = shared("x", "y", concurrency=1).take("x")
    finish = Finish(LeaseRef("q", "x", "X"), RECEIPT_TIME)
    assert story.tell(finish, ENDED).take("x2", queue_id="r").broken_rules() == set()

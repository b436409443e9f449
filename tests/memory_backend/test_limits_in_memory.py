"""Shared limits: what they hold, what is charged to them, and what their entries cost the line."""

from typing import Any

import pytest
from memory_backend.walk import KEPT, NOW, claim, numbered_tokens

from sharq_memory.check import check_machine
from sharq_memory.machine import Machine
from sharq_plug.model import (
    LIVING,
    MAX_MOVES,
    NO_CHANGE,
    Cancel,
    ChangeOutcome,
    Clear,
    Delivery,
    Dequeued,
    DropLimit,
    EnqueueOutcome,
    Extras,
    Fail,
    Finish,
    FreezeLimit,
    Hold,
    HoldKind,
    JobRef,
    JobView,
    LeaseOutcome,
    LetterRange,
    Limit,
    LimitView,
    NewJob,
    Overdue,
    PatchLimit,
    PatchQueue,
    PatchType,
    QueueRules,
    QueueView,
    Release,
    Remaining,
    Setting,
    SettingsPatch,
    SharedLimits,
    Take,
    TypeView,
    Use,
)
from sharq_plug.testing.calls import outcome_of

ONE_IN_100 = SettingsPatch(limits=(Limit(1, 100),))
PAUSED = SettingsPatch(paused=True)
RESUMED = SettingsPatch(paused=False)
SHARED = HoldKind.SHARED_LIMIT


class Bench:
    """One machine with one type, at an instant that moves."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.now = NOW
        self.given: tuple[int, list[str] | None] | None = None

    def enqueue(self, *queue_ids: str, jobs: int = 3, **fields: Any) -> None:
        uses = fields.pop("uses", None)
        extras = Extras(uses=uses and tuple(map(Use, uses)), **fields)
        for queue_id in queue_ids:
            items = [NewJob(queue_id, f"j{n}", b"x", 0, extras=extras) for n in range(jobs)]
            results = self.machine.enqueue("t", items, self.now)
            assert {result.outcome for result in results} == {EnqueueOutcome.QUEUED}
        self._end()

    def take(self, count: int = 1, **fields: Any) -> Dequeued:
        tokens = numbered_tokens(self.machine.types["t"].totals.dequeued)
        take = Take(count, fields.pop("lease_time", 10**6), **fields)
        [answer] = self.machine.dequeue("t", [take], self.now, tokens)
        self._end()
        return answer

    def taken(self, count: int = 1, **fields: Any) -> list[str]:
        return [job.queue_id for job in self.take(count, **fields).jobs]

    def settle(self, *items: Any) -> list[Any]:
        outcomes = self.machine.settle("t", items, self.now)
        self._end()
        return outcomes

    def configure(self, *changes: Setting) -> list[ChangeOutcome]:
        outcomes = self.machine.configure("t", changes, self.now)
        self._end()
        return outcomes

    def limits(self, *names: str, patch: SettingsPatch = NO_CHANGE) -> None:
        self.configure(*(PatchLimit(name, patch) for name in names))

    def use(self, queue_id: str, *names: str) -> ChangeOutcome:
        [outcome] = self.configure(PatchQueue(queue_id, SettingsPatch(uses=names)))
        return outcome

    def view(self, name: str) -> LimitView:
        [item] = self.machine.page("t", SharedLimits(name), None, 10, self.now).items
        assert isinstance(item, LimitView)
        return item

    def drop(self, name: str) -> ChangeOutcome:
        [outcome] = self.configure(DropLimit(name))
        return outcome

    def type_view(self) -> TypeView:
        view = self.machine.look("t", None, self.now).type
        assert view is not None
        return view

    def rules(self, queue_id: str) -> QueueRules:
        rules = self.machine.look("t", queue_id, self.now).rules
        assert isinstance(rules, QueueRules)
        return rules

    def tend(self, limit: int = 100) -> None:
        self.machine.tend(limit, KEPT, self.now)
        self._end()

    def _end(self) -> None:
        self.given = self.machine.given.pop("t", None)
        check_machine(self.machine, max(self.now, self.machine._latest))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def finish(job: Delivery, **fields: Any) -> Finish:
    return Finish(claim(job), 1000, **fields)


def test_queues_that_use_a_limit_pay_it_together(bench: Bench) -> None:
    bench.limits("l", patch=ONE_IN_100)
    bench.enqueue("a", "b", uses="l")
    bench.enqueue("c", jobs=1)
    assert bench.taken(10) == ["a", "c"]
    assert bench.take().next_ready_at == NOW + 100
    assert bench.rules("b").held_by == (Hold(SHARED, NOW + 100, name="l"),)
    bench.now += 100
    assert bench.taken(10) == ["b"]
    assert bench.view("l").owed == (1,)
    assert bench.view("l").leased == 2


def test_a_closed_limit_is_one_entry_and_holds_only_those_that_use_it(bench: Bench) -> None:
    bench.limits("l", patch=PAUSED)
    bench.enqueue(*(f"held{n}" for n in range(50)), uses="l")
    bench.enqueue("free", jobs=1)
    assert len(bench.machine.types["t"].line.places) == 1
    view = bench.type_view()
    assert (view.ready_queues, view.ready_since, view.next_ready_at) == (1, NOW, NOW)
    assert bench.view("l").queues == 50
    assert bench.view("l").opens_at is None
    assert bench.taken(10) == ["free"]
    assert bench.take().next_ready_at is not None  # the lease of `free` may expire
    bench.now += 5
    bench.limits("l", patch=RESUMED)
    assert bench.given == (NOW, None)
    assert bench.type_view().ready_queues == 50
    listed = bench.machine.page("t", Overdue(), None, 100, bench.now).items
    ids = [view.queue_id for view in listed if isinstance(view, QueueView)]
    assert ids == [f"held{n}" for n in range(50)]
    assert bench.taken(3) == ["held0", "held1", "held2"]


def test_a_lease_gives_back_to_the_limits_that_it_was_charged_to(bench: Bench) -> None:
    bench.limits("l", "m", patch=SettingsPatch(concurrency=1))
    bench.enqueue("a", "b")
    bench.use("a", "l")
    bench.use("b", "l")
    [job] = bench.take(10).jobs
    assert bench.rules("b").held_by == (Hold(SHARED, name="l"),)
    bench.use("a", "m")
    assert (bench.view("l").leased, bench.view("m").leased) == (1, 0)
    assert bench.drop("l") is ChangeOutcome.IN_USE
    bench.use("b", "m")
    assert bench.drop("l") is ChangeOutcome.IN_USE
    assert [outcome_of(one) for one in bench.settle(finish(job))] == [LeaseOutcome.ENDED]
    assert bench.view("l").leased == 0
    assert bench.drop("l") is ChangeOutcome.CHANGED
    assert bench.drop("l") is ChangeOutcome.UNKNOWN


def ends() -> dict[str, Any]:
    return {
        "finish": lambda bench, job: bench.settle(finish(job)),
        "release": lambda bench, job: bench.settle(Release(claim(job))),
        "fail": lambda bench, job: bench.settle(Fail(claim(job))),
        "bury": lambda bench, job: bench.settle(Fail(claim(job), dead=True)),
        "cancel": lambda bench, job: bench.machine.amend(
            "t", [Cancel(JobRef(job.queue_id, job.job_id), leased=True)], bench.now
        ),
        "clear": lambda bench, job: bench.machine.clear(
            "t", Clear(job.queue_id, LIVING), None, 10, bench.now
        ),
        "expire": lambda bench, job: bench.tend(),
        "dequeue": lambda bench, job: bench.take(queues=("nothing",)),
    }


@pytest.mark.parametrize("end", ends())
def test_each_end_of_a_lease_gives_back_once_and_opens_the_limit(bench: Bench, end: str) -> None:
    bench.limits("l", patch=SettingsPatch(concurrency=2))
    bench.enqueue("a", "b", uses="l")
    [job] = bench.take(lease_time=100).jobs
    assert bench.taken(10) == ["b"]
    assert bench.view("l").leased == 2
    bench.now += 100
    ends()[end](bench, job)
    bench.given = bench.given or bench.machine.given.pop("t")
    assert bench.given[1] is None
    assert bench.given[0] <= bench.now
    bench.tend()
    assert bench.view("l").leased == 1


def test_two_limits_move_a_row_to_the_closed_one(bench: Bench) -> None:
    bench.limits("k", "l", patch=ONE_IN_100)
    bench.enqueue("both", uses="kl")
    bench.enqueue("one", uses="l", jobs=1)
    benches = bench.machine.types["t"].line.benches
    assert benches.rows["k", "l"].bench == "k"
    bench.configure(PatchLimit("l", PAUSED))
    answer = bench.take()
    assert not answer.jobs
    assert answer.next_ready_at is None
    assert benches.rows["k", "l"].bench == "l"
    bench.configure(PatchLimit("l", RESUMED))
    assert bench.given == (NOW, None)
    assert bench.taken(10) == ["both"]
    assert bench.view("k").leased == bench.view("l").leased == 1
    bench.now += 100
    assert bench.taken(10) == ["one"]
    assert bench.take().next_ready_at == NOW + 200
    assert bench.rules("both").held_by == (Hold(SHARED, NOW + 200, name="l"),)


def test_a_call_moves_a_bounded_number_of_rows(bench: Bench) -> None:
    customers = [f"c{n:03}" for n in range(MAX_MOVES + 10)]
    bench.limits(*customers, "p")
    for name in customers:
        bench.enqueue(name, uses=(name, "p"), jobs=1)
    bench.enqueue("plain", jobs=1)
    bench.limits("p", patch=PAUSED)
    answer = bench.take(2)
    assert not answer.jobs
    assert answer.next_ready_at == NOW
    assert bench.given == (NOW, None)
    assert len(bench.machine.types["t"].limits["p"].bench) == MAX_MOVES
    assert bench.taken(2) == ["plain"]


def test_what_a_limit_lacks_is_refused(bench: Bench) -> None:
    bench.enqueue("a")
    assert bench.use("a", "l") is ChangeOutcome.UNKNOWN_LIMIT
    defaults = PatchType(freeze=5, defaults=SettingsPatch(uses=("l",)))
    assert bench.configure(defaults) == [ChangeOutcome.UNKNOWN_LIMIT]
    assert bench.rules("a").held_by == ()
    job = NewJob("b", "j", b"x", 0, extras=Extras(uses=(Use("k", ()), Use("l"))))
    [result] = bench.machine.enqueue("t", [job], NOW)
    assert result.outcome is EnqueueOutcome.UNKNOWN_LIMIT
    assert not bench.machine.page("t", SharedLimits(), None, 10, NOW).items
    [leased] = bench.take().jobs
    bench.limits("l")
    frozen = Release(claim(leased), freeze=50, freeze_limit=FreezeLimit("l", 50))
    assert bench.settle(frozen) == [LeaseOutcome.NOT_CHARGED]
    assert bench.rules("a").frozen_until is None


def test_an_enqueue_creates_a_limit_once(bench: Bench) -> None:
    job = NewJob("a", "j", b"x", 0, extras=Extras(uses=(Use("l", (Limit(1, 70),)),)))
    other = NewJob("a", "j", b"x", 0, extras=Extras(uses=(Use("l", (Limit(1, 5),)), Use("m", ()))))
    results = bench.machine.enqueue("t", [job, other], NOW)
    assert [result.outcome.value for result in results] == ["queued", "duplicate"]
    assert bench.view("l").rules.settings.limits == (Limit(1, 70),)
    assert bench.rules("a").in_effect.uses == ("l", "m")
    assert bench.drop("m") is ChangeOutcome.IN_USE
    [taken] = bench.take().jobs
    bench.settle(finish(taken))
    assert bench.rules("a").in_effect.uses is None
    assert bench.drop("m") is ChangeOutcome.CHANGED


def test_defaults_name_limits_until_they_are_changed(bench: Bench) -> None:
    bench.limits("l", "m", patch=PAUSED)
    bench.enqueue("a", "b")
    bench.configure(PatchType(defaults=SettingsPatch(uses=("l",))))
    assert bench.drop("l") is ChangeOutcome.IN_USE
    assert bench.taken() == []
    assert bench.view("l").queues == 2
    bench.configure(PatchType(defaults=SettingsPatch(uses=None)))
    assert bench.drop("l") is ChangeOutcome.IN_USE
    assert bench.rules("a").pending
    bench.tend(3)
    assert not bench.rules("a").pending
    assert not bench.rules("b").pending
    assert bench.given == (NOW, ["a", "b"])
    assert bench.drop("l") is ChangeOutcome.CHANGED
    assert bench.taken(2) == ["a", "b"]


def test_a_worker_freezes_a_limit_and_never_shortens_a_freeze(bench: Bench) -> None:
    bench.limits("l")
    bench.enqueue("a", "b", uses="l")
    first, second = bench.take(2).jobs
    bench.settle(Release(claim(first), freeze_limit=FreezeLimit("l", 500)))
    bench.settle(Fail(claim(second), freeze_limit=FreezeLimit("l", 50)))
    assert bench.view("l").rules.frozen_until == bench.view("l").opens_at == NOW + 500
    assert bench.take().next_ready_at == NOW + 500
    bench.configure(PatchLimit("l", freeze=0))
    assert bench.given == (NOW, None)
    assert bench.taken(2) == ["a", "b"]


def test_what_is_left_closes_a_limit_until_it_ends(bench: Bench) -> None:
    bench.limits("l")
    bench.enqueue("a", "b", uses="l", cost={"tokens": 3})
    bench.configure(PatchLimit("l", remaining=Remaining(5, NOW + 100, "tokens")))
    bench.configure(PatchLimit("l", remaining=Remaining(9, NOW + 200, "tokens")))
    assert bench.view("l").remaining == (Remaining(5, NOW + 200, "tokens"),)
    first, second = bench.take(10).jobs
    assert bench.view("l").remaining == (Remaining(0, NOW + 200, "tokens"),)
    assert bench.take().next_ready_at == NOW + 200
    assert bench.view("l").rules.held_by == (Hold(HoldKind.LIMIT, NOW + 200, "tokens"),)
    bench.settle(finish(first, actual={"tokens": 0}))
    assert bench.given == (NOW, None)
    assert bench.view("l").remaining == (Remaining(2, NOW + 200, "tokens"),)
    bench.settle(finish(second, actual={"tokens": 0}))
    assert bench.view("l").remaining == (Remaining(5, NOW + 200, "tokens"),)
    bench.now += 200
    assert bench.view("l").remaining == ()


def test_a_dead_letter_brings_the_limits_that_are_still_there(bench: Bench) -> None:
    bench.limits("l", "m")
    bench.enqueue("a", uses="lm", jobs=1)
    [job] = bench.take().jobs
    bench.settle(Fail(claim(job), dead=True))
    assert bench.drop("m") is ChangeOutcome.CHANGED
    bench.machine.redrive("t", LetterRange(), 1, NOW)
    assert bench.rules("a").in_effect.uses == ("l",)
    assert bench.view("l").queues == 1


def test_named_queues_and_takes_together_pass_over_what_is_closed(bench: Bench) -> None:
    bench.limits("l", patch=SettingsPatch(limits=(Limit(1, 100, 2),)))
    bench.enqueue("a", "b", uses="l")
    bench.enqueue("c")
    assert bench.taken(10, together=True) == ["a", "a"]
    assert bench.taken(10, queues=("a", "c")) == ["c"] * 3
    assert bench.take(queues=("a", "b")).next_ready_at == NOW + 100
    bench.now += 100
    assert bench.taken(10, queues=("a", "b")) == ["b"]


def test_a_clock_that_steps_back_holds_a_limit_no_longer_than_its_debt(bench: Bench) -> None:
    bench.limits("l", "m", patch=ONE_IN_100)
    bench.enqueue("a", "b", uses="l")
    bench.enqueue("c", jobs=1)
    bench.use("c", "l", "m")
    assert bench.taken(10) == ["a"]
    bench.now -= 10**6
    bench.tend()
    assert bench.take().next_ready_at == bench.now + 100
    bench.now += 100
    assert bench.taken(10) == ["b"]


def test_a_job_tells_which_limits_hold_it(bench: Bench) -> None:
    bench.limits("k", "l", patch=PAUSED)
    bench.configure(PatchType(PAUSED))
    bench.enqueue("a", uses="kl", jobs=1)
    [view] = bench.machine.find("t", [JobRef("a", "j0")], NOW, payloads=False)
    assert isinstance(view, JobView)
    held = [(hold.kind, hold.name, hold.of_type) for hold in view.held_by]
    assert held == [(SHARED, "k", False), (SHARED, "l", False), (HoldKind.PAUSED, None, True)]
    assert view.earliest_at == NOW


def test_a_limit_that_opens_wakes_for_a_row_on_the_other_bench(bench: Bench) -> None:
    bench.limits("k", "l")
    bench.limits("l", patch=PAUSED)
    bench.enqueue("a", uses="kl", jobs=1)
    assert bench.given is None
    bench.now += 10
    bench.limits("l", patch=RESUMED)
    assert bench.given == (NOW, None)


def test_a_limit_that_nobody_in_line_uses_wakes_nobody(bench: Bench) -> None:
    bench.enqueue("a", jobs=1)
    bench.limits("l", patch=PAUSED)
    bench.limits("l", patch=RESUMED)
    assert bench.given is None


def test_a_queue_that_stops_using_a_closed_limit_is_told_of(bench: Bench) -> None:
    bench.limits("l", patch=PAUSED)
    bench.enqueue("a", uses="l", jobs=1)
    given = [bench.given]
    bench.use("a")
    given.append(bench.given)
    assert given == [None, (NOW, ["a"])]
    assert bench.taken() == ["a"]

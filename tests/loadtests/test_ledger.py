"""The checks of a load: what they must report, and what they must accept."""

import msgspec
import pytest

from loadtests.ledger import Lease, Ledger, Rule, payload_of
from loadtests.queues import Queue, Window
from support.wire_schema import DeliveryBody

LEASE = 5000
START = 1_767_225_600_000
"""An instant, by the store's clock."""


class Server:
    """A server's answers, told to a ledger. `at` counts ms from the start, by every clock."""

    def __init__(self, *, interval: int = 0) -> None:
        self.broken: list[tuple[Rule, str]] = []
        self.queue = Queue.made("q1", interval)
        self.ledger = Ledger(
            [self.queue, Queue.made("q2", 0)],
            lease_time=LEASE,
            report=lambda rule, what: self.broken.append((rule, what)),
        )

    @property
    def rules(self) -> set[Rule]:
        return {rule for rule, _ in self.broken}

    def enqueue(self, *job_ids: str, queue_id: str = "q1", code: int = 201) -> None:
        for job_id in job_ids:
            self.ledger.enqueueing(queue_id, job_id)
            self.ledger.enqueued(queue_id, job_id, code)

    def deliver(
        self,
        job_id: str,
        *,
        at: int,
        queue_id: str = "q1",
        payload: bytes | None = None,
        took: tuple[int, int] = (1, 1),
    ) -> Lease:
        """Deliver a job, asked for and arrived `took` ms before and after `at`."""
        found = DeliveryBody(
            queue_id=queue_id,
            job_id=job_id,
            payload=msgspec.Raw(payload_of(job_id) if payload is None else payload),
            requeues_remaining=-1,
            current_queue_length=0,
            lease=f"{job_id}-{at}",
            attempt=1,
            expires_at=START + at + LEASE,
            enqueued_at=START,
        )
        before, after = took
        return self.ledger.delivered(found, Window((at - before) / 1000, (at + after) / 1000))

    def finish(self, lease: Lease, *, at: int, code: int = 200) -> None:
        self.ledger.finishing(lease)
        self.ledger.finished(lease, code, at / 1000)

    def change(self, interval: int, *, sent: int, answered: int | None) -> None:
        self.queue.change(interval, sent / 1000)
        if answered is not None:
            self.queue.changed(answered / 1000)


def test_jobs_an_interval_apart_are_not_early() -> None:
    server = Server(interval=500)
    server.enqueue("1", "2", "3")
    for number, job_id in enumerate("123"):
        server.deliver(job_id, at=500 * number)
    assert not server.broken


def test_a_job_that_comes_a_millisecond_too_soon_is_early() -> None:
    server = Server(interval=500)
    server.enqueue("1", "2")
    server.deliver("1", at=0)
    server.deliver("2", at=499)
    [(rule, what)] = server.broken
    assert rule is Rule.RATE
    assert what == f"queue q1, interval 500 ms, gave 1 and 2 within 499 ms, at {START + 499}"


def test_an_early_job_is_found_though_its_answer_comes_first() -> None:
    server = Server(interval=500)
    server.enqueue("1", "2", "3")
    server.deliver("3", at=1000)
    server.deliver("2", at=499, took=(1, 700))
    server.deliver("1", at=0, took=(1, 1300))
    assert [what.partition(" gave ")[2][:7] for _, what in server.broken] == ["1 and 2"]


def test_every_queue_has_a_rate_of_its_own() -> None:
    server = Server(interval=500)
    server.enqueue("1")
    server.enqueue("2", "3", queue_id="q2")
    for job_id, queue_id in (("1", "q1"), ("2", "q2"), ("3", "q2")):
        server.deliver(job_id, at=0, queue_id=queue_id)
    assert not server.broken


@pytest.mark.parametrize(
    ("at", "is_early"),
    [(1100, True), (1500, False), (2100, False)],
    ids=["before", "meanwhile", "afterwards"],
)
def test_a_shorter_interval_may_hold_from_when_it_was_asked_for(at: int, *, is_early: bool) -> None:
    server = Server(interval=500)
    server.enqueue("1", "2")
    server.change(100, sent=1400, answered=2000)
    server.deliver("1", at=at - 100)
    server.deliver("2", at=at)
    assert bool(server.broken) is is_early


@pytest.mark.parametrize(
    ("at", "is_early"),
    [(1100, False), (1500, False), (2100, True)],
    ids=["before", "meanwhile", "afterwards"],
)
def test_a_longer_interval_must_hold_from_when_it_was_answered(at: int, *, is_early: bool) -> None:
    server = Server(interval=100)
    server.enqueue("1", "2")
    server.change(500, sent=1400, answered=2000)
    server.deliver("1", at=at - 100)
    server.deliver("2", at=at)
    assert bool(server.broken) is is_early


def test_a_change_without_an_answer_leaves_both_intervals_possible() -> None:
    server = Server(interval=100)
    server.enqueue("1", "2")
    server.change(500, sent=0, answered=None)
    server.deliver("1", at=10_000)
    server.deliver("2", at=10_100)
    assert not server.broken
    assert server.queue.is_changing


def test_a_change_that_was_refused_changes_nothing() -> None:
    server = Server(interval=500)
    server.enqueue("1", "2")
    server.change(100, sent=0, answered=None)
    server.queue.kept()
    server.deliver("1", at=1000)
    server.deliver("2", at=1100)
    assert server.rules == {Rule.RATE}


def test_a_job_may_come_again_when_its_lease_has_expired() -> None:
    server = Server()
    server.enqueue("1")
    server.deliver("1", at=0)
    server.finish(server.deliver("1", at=LEASE), at=LEASE + 10)
    assert not server.broken
    assert server.ledger.tally.redelivered == 1


def test_a_job_that_comes_twice_while_its_lease_stands_is_reported() -> None:
    server = Server()
    server.enqueue("1")
    server.deliver("1", at=0)
    server.deliver("1", at=LEASE - 1)
    [(rule, what)] = server.broken
    assert rule is Rule.REDELIVERY
    assert what == "job 1 of queue q1 came twice within 4999 ms, with leases of 5000 ms"


def test_a_job_that_comes_back_after_its_finish_is_reported() -> None:
    server = Server()
    server.enqueue("1")
    server.finish(server.deliver("1", at=0), at=10)
    server.deliver("1", at=LEASE)
    assert server.broken == [
        (Rule.DOUBLING, "job 1 of queue q1 came, but it is over, or never was")
    ]


def test_a_job_that_was_refused_must_not_come() -> None:
    server = Server()
    server.enqueue("1", code=429)
    server.deliver("1", at=0)
    assert server.rules == {Rule.DOUBLING}


def test_a_job_from_the_wrong_queue_is_reported() -> None:
    server = Server()
    server.enqueue("1")
    server.deliver("1", at=0, queue_id="q2")
    assert server.rules == {Rule.DOUBLING}


def test_a_wrong_payload_is_reported() -> None:
    server = Server()
    server.enqueue("1")
    server.deliver("1", at=0, payload=payload_of("2"))
    assert server.rules == {Rule.PAYLOAD}


@pytest.mark.parametrize("code", [404, 409])
def test_a_refused_finish_is_reported_while_the_lease_stands(code: int) -> None:
    server = Server()
    server.enqueue("1")
    server.finish(server.deliver("1", at=0), at=LEASE - 2, code=code)
    assert server.rules == {Rule.FENCING}


def test_a_refused_finish_is_accepted_once_the_lease_may_have_expired() -> None:
    server = Server()
    server.enqueue("1")
    server.finish(server.deliver("1", at=0), at=LEASE, code=409)
    server.finish(server.deliver("1", at=LEASE), at=LEASE + 10)
    assert not server.broken
    assert not server.ledger.outstanding()


def test_a_finish_that_succeeds_under_an_old_lease_is_reported() -> None:
    server = Server()
    server.enqueue("1")
    old = server.deliver("1", at=0)
    server.deliver("1", at=LEASE)
    server.finish(old, at=LEASE + 10)
    assert server.rules == {Rule.FENCING}


def test_a_lost_job_is_reported() -> None:
    server = Server()
    server.enqueue("1", "2", "3")
    server.finish(server.deliver("2", at=0), at=10)
    [(queue_id, jobs)] = server.ledger.outstanding().items()
    server.ledger.counted(queue_id, jobs, 1)
    assert server.broken == [(Rule.LOSS, "queue q1 must still have 2 jobs (1, 3), and has 1")]


def test_jobs_that_are_still_there_are_not_lost() -> None:
    server = Server()
    server.enqueue("1", "2")
    for queue_id, jobs in server.ledger.outstanding().items():
        server.ledger.counted(queue_id, jobs, 2)
    assert not server.broken


def test_a_request_without_an_answer_breaks_no_rule() -> None:
    server = Server()
    server.ledger.enqueueing("q1", "1")
    server.enqueue("2")
    server.ledger.finishing(server.deliver("2", at=0))
    assert not server.ledger.outstanding()
    server.deliver("1", at=10)
    server.deliver("2", at=LEASE)
    assert not server.broken

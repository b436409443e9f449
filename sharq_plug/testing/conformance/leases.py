"""Leases: how they end by finish and by release, and who may end them."""

import pytest

from sharq_plug.model import MAX_TOKEN_LENGTH, LeaseOutcome, LeaseRef
from sharq_plug.store import QueueStore
from sharq_plug.testing.calls import finish_all, release_all
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.conformance.base import Conformance
from sharq_plug.testing.conformance.vocabulary import (
    TYPE,
    claim,
    claim_without_token,
    clear,
    enqueue,
    finish,
    finish_job,
    lengths,
    let_expire,
    listed,
    next_ready_at,
    reclaim,
    release,
    release_job,
    take,
    take_in_turn,
)

ENDED = LeaseOutcome.ENDED
STALE = LeaseOutcome.STALE
UNKNOWN = LeaseOutcome.UNKNOWN

ODD_TOKENS = [" ", "0", "nil", "a:b", "\0", "\n", "\x7f", "x" * MAX_TOKEN_LENGTH]


class FinishConformance(Conformance):
    """A finish ends the caller's own lease, and no other."""

    async def test_a_lease_is_finished_with_its_token(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        assert await finish(store, claim(await take(store))) is ENDED
        assert await lengths(store, "q") == (0, 0, 0)
        assert await listed(store, None) == set()

    async def test_a_lease_is_finished_without_a_token(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        assert await finish(store, claim_without_token(await take(store))) is ENDED
        assert await lengths(store, "q") == (0, 0, 0)

    async def test_an_empty_batch_of_claims_is_answered_by_nothing(self, store: QueueStore) -> None:
        assert await finish_all(store, TYPE, [], receipt_time=1) == []
        assert await release_all(store, TYPE, []) == []

    async def test_what_never_was_is_unknown(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        token = (await take(store)).token
        strangers = [
            LeaseRef("q", "other"),
            LeaseRef("q", "other", token),
            LeaseRef("other", "j"),
            LeaseRef("other", "j", token),
        ]
        assert await finish_all(store, TYPE, strangers, receipt_time=1) == [UNKNOWN] * 4
        assert await finish(store, LeaseRef("q", "j", token), queue_type="other") is UNKNOWN
        assert await finish(store, LeaseRef("q", "j"), queue_type="other") is UNKNOWN
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_a_job_that_waits_has_no_lease_to_finish(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        assert await finish(store, LeaseRef("q", "j")) is UNKNOWN
        assert await release(store, LeaseRef("q", "j")) is UNKNOWN
        assert await lengths(store, "q") == (1, 0, 0)

    @pytest.mark.parametrize("token", ODD_TOKENS, ids=lambda token: ascii(token)[:12])
    async def test_a_token_that_no_store_gave_out_is_stale(
        self, store: QueueStore, token: str
    ) -> None:
        await enqueue(store, "q", "leased", "waiting")
        await take(store)
        for lease in (LeaseRef("q", "leased", token), LeaseRef("q", "waiting", token)):
            assert await finish(store, lease) is STALE
            assert await release(store, lease) is STALE
        assert await finish(store, LeaseRef("q", "never", token)) is UNKNOWN
        assert await release(store, LeaseRef("q", "never", token)) is UNKNOWN
        assert await lengths(store, "q") == (1, 1, 0)

    async def test_a_token_is_good_for_its_job_alone_and_only_whole(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        first, second = await take_in_turn(store, 2)
        for token in (second.token, first.token[:-1], first.token + "x"):
            assert await finish(store, LeaseRef("q", "j1", token)) is STALE
        assert await lengths(store, "q") == (0, 2, 0)

    async def test_an_expired_lease_may_be_finished_until_it_is_reclaimed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        first, second = await take_in_turn(store, 2, lease_time=100)
        clock.advance(100_000)
        assert await finish(store, claim(first)) is ENDED
        assert await finish(store, claim_without_token(second)) is ENDED
        assert (await reclaim(store)).requeued == 0

    async def test_a_late_finish_with_an_old_token_changes_nothing(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        late = await let_expire(store, clock)
        assert await finish(store, claim(late)) is STALE
        current = await take(store)
        assert await finish(store, claim(late)) is STALE
        assert await lengths(store, "q") == (0, 1, 0)
        assert await finish(store, claim(current)) is ENDED
        assert await finish(store, claim(late)) is UNKNOWN

    async def test_a_late_finish_without_a_token_ends_the_current_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        late = await let_expire(store, clock)
        assert await finish(store, claim_without_token(late)) is UNKNOWN
        await take(store)
        assert await finish(store, claim_without_token(late)) is ENDED

    async def test_a_dead_letter_makes_its_old_token_stale(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        late = await let_expire(store, clock, dies=True)
        assert await finish(store, claim(late)) is STALE
        assert await finish(store, claim_without_token(late)) is UNKNOWN
        await enqueue(store, "q", "j")
        await finish_job(store, await take(store))
        assert await finish(store, claim(late)) is STALE
        assert await lengths(store, "q") == (0, 0, 1)
        await clear(store, "q", purge=True)
        assert await finish(store, claim(late)) is UNKNOWN

    async def test_the_token_before_a_clearing_is_unknown_and_stale_once_the_id_lives_again(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j")
        late = await take(store)
        await clear(store, "q")
        assert await finish(store, claim(late)) is UNKNOWN
        assert await finish(store, claim_without_token(late)) is UNKNOWN
        await enqueue(store, "q", "j")
        assert await finish(store, claim(late)) is STALE
        await take(store)
        assert await finish(store, claim(late)) is STALE
        assert await lengths(store, "q") == (0, 1, 0)

    async def test_a_batch_may_name_a_job_twice(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2", "j3", "j4")
        j1, j2, j3, j4 = await take_in_turn(store, 4)
        batch = [claim(j1), claim(j1), claim_without_token(j2), claim_without_token(j2)]
        batch += [claim(j3), claim_without_token(j3), claim_without_token(j4), claim(j4)]
        assert await finish_all(store, TYPE, batch, receipt_time=1000) == [
            *(ENDED, ENDED),
            *(ENDED, UNKNOWN),
            *(ENDED, UNKNOWN),
            *(ENDED, UNKNOWN),
        ]


class ReleaseConformance(Conformance):
    """A release hands a job back as it was; only the rate and the attempt have changed."""

    async def test_a_released_job_waits_again(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        first, second = await take_in_turn(store, 2)
        assert await release(store, claim(first)) is ENDED
        assert await release(store, claim_without_token(second)) is ENDED
        assert await lengths(store, "q") == (2, 0, 0)

    async def test_a_released_job_keeps_its_requeues_its_payload_and_its_attempt(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        for attempt in (1, 2, 3):
            job = await take(store)
            assert (job.attempt, job.requeues_remaining, job.payload) == (attempt, 0, b"{}")
            await release_job(store, job)

    async def test_a_release_gives_no_requeue_back(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=2)
        await let_expire(store, clock)
        for _ in range(3):
            job = await take(store)
            assert job.requeues_remaining == 1
            await release_job(store, job)

    async def test_an_expired_lease_may_be_released_until_it_is_reclaimed(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        job = await take(store, lease_time=100)
        clock.advance(1000)
        assert await release(store, claim(job)) is ENDED
        assert (await reclaim(store)).dead == 0
        assert (await take(store)).requeues_remaining == 0

    async def test_a_release_that_comes_twice_finds_the_job_waiting(
        self, store: QueueStore
    ) -> None:
        await enqueue(store, "q", "j1", "j2")
        j1, j2 = await take_in_turn(store, 2)
        batch = [claim(j1), claim(j1), claim_without_token(j2), claim_without_token(j2)]
        assert await release_all(store, TYPE, batch) == [ENDED, STALE, ENDED, UNKNOWN]
        assert await lengths(store, "q") == (2, 0, 0)

    async def test_an_old_token_releases_nobody_else_s_lease(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j")
        late = await let_expire(store, clock)
        assert await release(store, claim(late)) is STALE
        await take(store)
        assert await release(store, claim(late)) is STALE
        assert await lengths(store, "q") == (0, 1, 0)
        assert await release(store, claim_without_token(late)) is ENDED

    async def test_a_job_that_is_no_more_is_unknown(self, store: QueueStore) -> None:
        await enqueue(store, "q", "finished", "cleared")
        finished, cleared = await take_in_turn(store, 2)
        await finish_job(store, finished)
        assert await release(store, claim(finished)) is UNKNOWN
        await clear(store, "q")
        assert await release(store, claim(cleared)) is UNKNOWN
        assert await release(store, claim_without_token(cleared)) is UNKNOWN
        assert await release(store, LeaseRef("q", "never", "no-such-token")) is UNKNOWN
        assert await next_ready_at(store) is None

    async def test_a_dead_letter_is_not_released(
        self, store: QueueStore, clock: ManualClock
    ) -> None:
        await enqueue(store, "q", "j", requeue_limit=0)
        dead = await let_expire(store, clock, dies=True)
        assert await release(store, claim(dead)) is STALE
        assert await release(store, claim_without_token(dead)) is UNKNOWN
        assert await lengths(store, "q") == (0, 0, 1)

    async def test_a_released_lease_leaves_no_receipt(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j")
        released = await take(store)
        await release_job(store, released)
        assert await finish(store, claim(released)) is STALE
        await finish_job(store, await take(store))
        assert await finish(store, claim(released)) is UNKNOWN

    async def test_a_job_can_be_released_and_finished_in_turns(self, store: QueueStore) -> None:
        await enqueue(store, "q", "j1", "j2")
        j1, j2 = await take_in_turn(store, 2)
        await release_job(store, j1)
        assert await finish(store, claim(j2)) is ENDED
        assert await release(store, claim(j2)) is UNKNOWN
        assert await finish(store, claim(await take(store))) is ENDED
        assert await lengths(store, "q") == (0, 0, 0)

"""Each failure carries its word, and the results of a batch do too."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import httpx
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.http.api.failures import FAILURES, HTTP_FAILURES, INTERNAL
from sharq_plug.http.wire.app import AppOptions
from sharq_plug.model import (
    EnqueueOutcome,
    EnqueueResult,
    LeaseOutcome,
    NewJob,
    Settled,
    Settlement,
)
from sharq_plug.service import ServiceOptions
from support.api import QUIET, Served, enqueue, exchange, send, serving

pytestmark = pytest.mark.anyio


class FailingStore(MemoryStore):
    """Fails for some queue types, and finds every queue called `broken` damaged."""

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        if queue_type == "away":
            raise StoreUnavailable("a detail")
        if queue_type == "faulty":
            raise LookupError("a detail")
        results = await super().enqueue(queue_type, jobs)
        return [
            EnqueueResult(EnqueueOutcome.BROKEN) if job.queue_id == "broken" else result
            for job, result in zip(jobs, results, strict=True)
        ]

    async def settle(self, queue_type: str, items: Sequence[Settlement]) -> list[Settled]:
        outcomes = await super().settle(queue_type, items)
        return [
            LeaseOutcome.BROKEN if item.lease.queue_id == "broken" else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]


async def stale_lease(served: Served) -> httpx.Response:
    await send(served.client, enqueue("j1"))
    return await send(served.client, ("POST", "/finish/sms/q/j1/", {"lease": "of-nobody"}))


async def queue_full(served: Served) -> httpx.Response:
    return await send(served.client, enqueue("j1", max_queued_length=0))


async def leased(served: Served) -> httpx.Response:
    await send(served.client, enqueue("j1"))
    await served.client.get("/dequeue/sms/")
    return await served.client.delete("/job/sms/q/j1/")


async def dead(served: Served) -> httpx.Response:
    await send(served.client, enqueue("j1"))
    job = (await served.client.get("/dequeue/sms/")).json()
    failed = {"lease": job["lease"], "dead": True}
    await served.client.post("/fail/sms/q/j1/", json=failed)
    return await served.client.patch("/job/sms/q/j1/", json={"priority": 1})


async def too_large(served: Served) -> httpx.Response:
    return await send(served.client, enqueue("j1", payload="x" * 1024 * 1024))


async def limits_set(served: Served) -> httpx.Response:
    await send(served.client, enqueue("j1"))
    await served.client.patch("/queue/sms/q/", json={"limits": []})
    return await served.client.post("/interval/sms/q/", json={"interval": 1})


async def settings_changed(served: Served) -> httpx.Response:
    seen = {"If-Match": '"of-others"'}
    return await served.client.patch("/queue/sms/q/", json={}, headers=seen)


async def not_charged(served: Served) -> httpx.Response:
    await send(served.client, enqueue("j1"))
    job = (await served.client.get("/dequeue/sms/")).json()
    release = {"lease": job["lease"], "freeze": {"limit": "acme", "for": 1000}}
    return await served.client.post("/release/sms/q/j1/", json=release)


async def limit_in_use(served: Served) -> httpx.Response:
    await served.client.patch("/limit/sms/acme/", json={})
    await served.client.patch("/queue/sms/q/", json={"uses": ["acme"]})
    return await served.client.delete("/limit/sms/acme/")


async def draining(served: Served) -> httpx.Response:
    served.server.is_draining = True
    return await served.client.get("/-/ready")


def call(
    method: str, path: str, body: object = None
) -> Callable[[Served], Awaitable[httpx.Response]]:
    return lambda served: served.client.request(method, path, json=body)


JOB = {"job_id": "j1", "interval": 0, "payload": {}}

PROVOKED: dict[str, Callable[[Served], Awaitable[httpx.Response]]] = {
    "invalid": call("POST", "/enqueue/sms/q/", {}),
    "not_found": call("GET", "/nothing"),
    "method_not_allowed": call("GET", "/enqueue/sms/q/"),
    "stale_lease": stale_lease,
    "leased": leased,
    "dead": dead,
    "limits_set": limits_set,
    "settings_changed": settings_changed,
    "unknown_limit": call("GET", "/limit/sms/acme/"),
    "not_charged": not_charged,
    "limit_in_use": limit_in_use,
    "too_large": too_large,
    "queue_full": queue_full,
    "internal": call("POST", "/enqueue/faulty/q/", JOB),
    "unavailable": call("POST", "/enqueue/away/q/", JOB),
    "broken_queue": call("POST", "/enqueue/sms/broken/", JOB),
    "draining": draining,
}
SENT = {
    "timeout": b"POST /enqueue/sms/q/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
    "url_too_long": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "expectation_failed": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: x\r\n\r\n",
    "not_implemented": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
}
OF_KEYS = {"unauthorized", "forbidden"}
"""What only a server with keys answers: see tests/doors."""
STATUSES = {
    word: status for status, word in (*FAILURES.values(), *HTTP_FAILURES.values(), INTERNAL)
}


def test_every_word_is_provoked() -> None:
    assert STATUSES.keys() == {*PROVOKED, *SENT, *OF_KEYS, "overloaded"}


@pytest.mark.parametrize("word", PROVOKED)
async def test_a_failure_carries_its_word(word: str) -> None:
    async with serving(FailingStore) as served:
        response = await PROVOKED[word](served)
        assert (response.status_code, response.json()["error"]) == (STATUSES[word], word)
        assert response.json()["status"] == "failure"
        assert response.json()["message"]
        assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize("word", SENT)
async def test_a_failure_to_read_a_request_carries_its_word(word: str) -> None:
    async with serving(MemoryStore, replace(QUIET, request_timeout=0.1)) as served:
        received = await exchange(served.port, sent=SENT[word])
    assert received.startswith(b"HTTP/1.1 %d " % STATUSES[word])
    assert received.endswith(b'"error":"%b"}' % word.encode())


async def test_a_server_that_is_overloaded_says_so_in_its_word() -> None:
    options = AppOptions(service=ServiceOptions(tends=False, max_in_flight=0))
    async with serving(MemoryStore, options) as served:
        response = await send(served.client, enqueue("j1"))
        assert (response.status_code, response.json()["error"]) == (503, "overloaded")
        assert response.headers["retry-after"] == "1"


async def test_a_connection_past_the_bound_is_refused_with_its_word() -> None:
    async with serving(MemoryStore, replace(QUIET, max_connections=0)) as served:
        received = await exchange(served.port, sent=b"")
    assert received.startswith(b"HTTP/1.1 503 ")
    assert received.endswith(b'"error":"overloaded"}')


async def test_the_results_of_a_batch_carry_their_words() -> None:
    job = JOB | {"queue_id": "q"}
    jobs = [
        job,
        job | {"queue_id": "broken"},
        job | {"job_id": "no/name"},
        job | {"job_id": "j2", "max_queued_length": 1},
        job | {"job_id": "j3", "payload": "x" * 1024 * 1024},
    ]
    leases = [
        {"queue_id": "q", "job_id": "j1", "lease": "of-nobody"},
        {"queue_id": "broken", "job_id": "j1"},
        {"queue_id": "q"},
        {"queue_id": "q", "job_id": "j9"},
    ]
    async with serving(FailingStore) as served:
        for path, items, words in (
            ("/enqueue/sms/", jobs, [None, "broken_queue", "invalid", "queue_full", "too_large"]),
            ("/finish/sms/", leases, ["stale_lease", "broken_queue", "invalid", None]),
        ):
            response = await send(served.client, ("POST", path, {"jobs": items}))
            results = response.json()["results"]
            assert [result.get("error") for result in results] == words
            for result, word in zip(results, words, strict=True):
                assert word is None or (result["code"], result["status"]) == (
                    STATUSES[word],
                    "failure",
                )


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/dequeue/sms/"), ("POST", "/finish/sms/q/j/"), ("POST", "/interval/sms/q/")],
)
async def test_a_bare_404_of_sharq_has_no_word(method: str, path: str) -> None:
    async with serving(MemoryStore) as served:
        response = await send(served.client, (method, path, {"interval": 1}))
        assert response.status_code == 404
        assert response.json().keys() <= {"status", "next_ready_at"}

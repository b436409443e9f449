"""A store in trouble: clients get a sentence, the log gets the reason, once."""

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import BrokenQueue, StoreUnavailable
from sharq_plug.http.api.outages import Outages
from sharq_plug.model import Dequeued, EnqueueResult, NewJob, Take
from sharq_plug.plugins import open_store
from support.api import enqueue, send, serving
from support.redis_server import RedisServer, free_port

pytestmark = pytest.mark.anyio

LOGGER = "sharq_plug.http.api.outages"
DETAIL = "10.9.8.7:6379: ERR a detail that is no client's business"


class Clock:
    """Tells the seconds that it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged of outages since the last look."""
    found = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    caplog.clear()
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outages(clock: Clock) -> Outages:
    return Outages(clock)


def test_an_outage_gets_a_line_when_it_begins_and_one_when_it_is_over(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        outages.note_failure("enqueue", StoreUnavailable("away"))
        outages.note_failure("finish", StoreUnavailable("away"))
        clock.now += 0.01
    assert lines(caplog) == ["enqueue is answered with 503: away"]
    clock.now += 2
    outages.note_success("finish")
    outages.note_success("finish")
    outages.note_success("enqueue")
    [over] = lines(caplog)
    assert over == "finish works again; 2000 requests failed within 10.0 s: away"
    outages.note_failure("enqueue", StoreUnavailable("away"))
    assert lines(caplog) == ["enqueue is answered with 503: away"]


def test_each_reason_is_an_outage_of_its_own_which_only_its_verbs_end(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outages.note_failure("enqueue", StoreUnavailable("full"))
    outages.note_failure("dequeue", StoreUnavailable("away"))
    assert len(lines(caplog)) == 2
    clock.now += 60
    outages.note_success("dequeue")
    [over] = lines(caplog)
    assert over.endswith("away")
    outages.note_failure("enqueue", StoreUnavailable("full"))
    assert not lines(caplog)


def test_a_store_that_works_now_and_then_does_not_flood_the_log(
    outages: Outages, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(1000):
        outages.note_failure("enqueue", StoreUnavailable("full"))
        outages.note_success("enqueue")
        clock.now += 0.1
    assert len(lines(caplog)) == 1


def test_reasons_without_number_do_not_flood_the_log(
    outages: Outages, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1000):
        outages.note_failure("enqueue", StoreUnavailable(f"reason {number}"))
        outages.note_failure("enqueue", BrokenQueue(f"q{number}"))
    assert len(lines(caplog)) == 100


class TalkativeStore(MemoryStore):
    """Fails with a detail, when it is told to."""

    is_away = False

    async def enqueue(self, queue_type: str, jobs: Sequence[NewJob]) -> list[EnqueueResult]:
        if self.is_away:
            raise StoreUnavailable(DETAIL)
        return await super().enqueue(queue_type, jobs)

    async def dequeue(self, queue_type: str, takes: Sequence[Take]) -> list[Dequeued]:
        raise StoreUnavailable(DETAIL, public="The store is resting.")


async def test_clients_hear_what_is_public_and_the_log_the_detail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = TalkativeStore()
    store.is_away = True
    async with serving(lambda: store) as served:
        batch = {"jobs": [{"queue_id": "q", **enqueue("j1")[2]}]}
        for call in (enqueue("j1"), ("POST", "/%65nqueue/sms/", batch)):
            response = await send(served.client, call)
            assert response.status_code == 503
            assert response.headers["retry-after"] == "1"
            assert response.json() == {
                "status": "failure",
                "message": "The store is unavailable.",
                "error": "unavailable",
            }
        assert lines(caplog) == [f"enqueue is answered with 503: {DETAIL}"]
        for path in ("/dequeue/sms/", "/dequeue/sms/?wait=1000", "/dequeue/sms/?count=2"):
            response = await served.client.get(path)
            assert (response.status_code, response.json()["message"]) == (
                503,
                "The store is resting.",
            )
        assert lines(caplog) == []


async def test_the_log_says_when_a_request_works_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.http.api.outages.QUIET", 0.0)
    store = TalkativeStore()
    store.is_away = True
    async with serving(lambda: store) as served:
        await send(served.client, enqueue("j1"))
        assert len(lines(caplog)) == 1
        store.is_away = False
        await served.client.get("/metrics/")
        assert not lines(caplog)
        assert (await send(served.client, enqueue("j1"))).status_code == 201
        [over] = lines(caplog)
    assert over.startswith("enqueue works again; 1 requests failed")


async def test_no_body_tells_where_redis_is_or_what_it_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer(tmp_path) as redis:
        async with serving(partial(open_store, "redis", {"url": redis.url})) as served:
            redis.stop()
            for call in [enqueue("j1"), ("GET", "/dequeue/sms/", None)] * 5:
                response = await send(served.client, call)
                assert response.status_code == 503
                assert response.json()["message"] == "The store does not answer."
    told = lines(caplog)
    assert 1 <= len(told) <= 2, "it hung up, then it was away"
    assert all(f"Redis at 127.0.0.1:{redis.port}, database 0: " in line for line in told)


async def test_a_replica_is_not_ready_and_a_full_redis_is(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis:
        async with serving(partial(open_store, "redis", {"url": redis.url})) as served:
            await send(served.client, enqueue("j1"))
            redis.client().config_set("maxmemory", 1)
            assert (await served.client.get("/deepstatus/")).status_code == 200
            refused = await send(served.client, enqueue("j2"))
            assert (refused.status_code, refused.json()["message"]) == (
                503,
                "The store is full: it takes no new jobs until others are done.",
            )
            job = (await served.client.get("/dequeue/sms/")).json()
            finish = ("POST", "/finish/sms/q/j1/", {"lease": job["lease"]})
            assert (await send(served.client, finish)).status_code == 200
            redis.client().config_set("maxmemory", 0)
            redis.command("REPLICAOF", "127.0.0.1", free_port())
            response = await served.client.get("/deepstatus/")
            assert (response.status_code, response.json()["message"]) == (
                503,
                "The store takes no writes at present.",
            )


async def test_a_worker_without_channel_rights_waits_and_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sharq_plug.service.foresight.LOOK_INTERVAL", 0.05)
    with RedisServer(tmp_path) as redis:
        redis.client().acl_setuser(
            "app", enabled=True, passwords=["+secret"], keys=["*"], commands=["+@all"], reset=True
        )
        options = {"port": redis.port, "username": "app", "password": "secret"}
        async with serving(partial(open_store, "redis", options)) as served:
            nothing = await served.client.get("/dequeue/sms/?wait=100")
            assert nothing.status_code == 404
            assert (await send(served.client, enqueue("j1"))).status_code == 201
            served_job = await served.client.get("/dequeue/sms/?wait=10000")
            assert served_job.json()["job_id"] == "j1"


async def test_a_damaged_queue_is_named_without_what_redis_says(
    redis_server: RedisServer, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    redis_server.damage("sms", "q")
    async with serving(partial(open_store, "redis", {"url": redis_url})) as served:
        response = await send(served.client, enqueue("j1"))
        assert (response.status_code, response.json()["message"]) == (
            503,
            "The queue q is damaged in the store.",
        )
        batch = {"jobs": [{"queue_id": "q", **enqueue("j1")[2]}]}
        [item] = (await send(served.client, ("POST", "/enqueue/sms/", batch))).json()["results"]
        assert item["message"] == "The queue q is damaged in the store."
        assert (response.json()["error"], item["error"]) == ("broken_queue", "broken_queue")
    assert [r.levelno for r in caplog.records if "its record is damaged" in r.getMessage()] == [
        logging.ERROR
    ] * 2

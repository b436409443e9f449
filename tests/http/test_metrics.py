"""The figures of a server: what Prometheus reads back, and what it costs nothing to leave out."""

import asyncio
from collections.abc import Iterator, Sequence

import httpx
import pytest

from sharq_memory.store import MemoryStore
from sharq_plug.errors import StoreUnavailable
from sharq_plug.http.corner.metrics import joined
from sharq_plug.http.wire.app import AppOptions
from sharq_plug.model import OTHER_TYPES, Figures, Listing, Page
from sharq_plug.service import QueueService, ServiceOptions
from sharq_plug.testing import ManualClock
from support.api import Served, enqueue, send, serving
from support.metrics import METRICS, NAMES, OPENMETRICS, Reading, families, read_metrics
from support.waiting import comes_true

pytestmark = pytest.mark.anyio

TOTALS = {
    "sharq_jobs_enqueued_total": "enqueued",
    "sharq_jobs_dequeued_total": "dequeued",
    "sharq_jobs_finished_total": "finished",
    "sharq_jobs_failed_total": "failed",
    "sharq_leases_expired_total": "expired_leases",
    "sharq_jobs_dead_total": "dead",
}


async def work(served: Served, clock: ManualClock) -> None:
    """Let there be jobs of every state, and count of every total."""
    for number in range(6):
        await send(served.client, enqueue(f"j{number}", interval=0, requeue_limit=0))
    await send(served.client, enqueue("later", delay=60_000))
    taken = [(await served.client.get("/dequeue/sms/")).json() for _ in range(4)]
    clock.advance(250)
    for job, verb in zip(taken, ("finish", "release", "fail"), strict=False):
        path = f"/{verb}/sms/{job['queue_id']}/{job['job_id']}/"
        await served.client.post(path, json={"lease": job["lease"]})
    clock.advance(60_000)
    await served.service.tend()


async def test_names_types_and_labels_are_those_of_the_table(
    served: Served, clock: ManualClock
) -> None:
    await work(served, clock)
    for headers in ({}, OPENMETRICS):
        response = await served.client.get(METRICS, headers=headers)
        found = families(response.text, openmetrics=bool(headers))
        assert {name: metric.type for name, metric in found.items()} == {
            name: kind for name, (kind, _) in NAMES.items()
        }
        for name, (_, labels) in NAMES.items():
            assert found[name].documentation
            assert found[name].samples, name
            for sample in found[name].samples:
                assert set(sample.labels) - {"le"} == labels, sample


async def test_others_get_their_turn_between_the_metrics_of_a_scrape() -> None:
    seen: list[str] = []

    def parts() -> Iterator[str]:
        for name in "abc":
            seen.append(name)
            asyncio.get_running_loop().call_soon(seen.append, "another")
            yield name

    assert await joined(parts()) == b"abc"
    assert seen == ["a", "another", "b", "another", "c", "another"]


async def test_openmetrics_comes_to_who_accepts_it(client: httpx.AsyncClient) -> None:
    plain = await client.get(METRICS)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert not plain.text.endswith("# EOF\n")
    found = await client.get(METRICS, headers=OPENMETRICS)
    assert found.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert found.text.endswith("# EOF\n")
    for accept in ("", "*/*", ";", "application/openmetrics-text;version=x", "\xff"):
        odd = await client.get(METRICS, headers=[(b"Accept", accept.encode("latin-1"))])
        assert odd.status_code == 200, accept


async def test_totals_and_lengths_are_those_of_a_look(served: Served, clock: ManualClock) -> None:
    await work(served, clock)
    reading = await read_metrics(served.client)
    shown = (await served.client.get("/type/sms/")).json()
    for name, total in TOTALS.items():
        assert reading.value(name, queue_type="sms") == shown["totals"][total] > 0, name
    for state in ("waiting", "delayed", "leased", "dead"):
        assert reading.value("sharq_jobs", queue_type="sms", state=state) == shown[state]
    assert reading.value("sharq_queues", queue_type="sms") == shown["queues"]
    assert reading.value("sharq_queues_ready", queue_type="sms") == shown["ready_queues"] == 1
    overdue = clock.now() - shown["ready_since"]
    assert reading.value("sharq_overdue_seconds", queue_type="sms") == overdue / 1000 > 0


async def test_times_come_from_the_stores_clock(served: Served, clock: ManualClock) -> None:
    await send(served.client, enqueue("now"))
    await send(served.client, enqueue("later", delay=10_000))
    clock.advance(4000)
    first = (await served.client.get("/dequeue/sms/")).json()
    clock.advance(7000)
    (await served.client.get("/dequeue/sms/")).json()
    await send(served.client, ("POST", "/release/sms/q/now/", {"lease": first["lease"]}))
    await served.client.get("/dequeue/sms/")
    reading = await read_metrics(served.client)
    assert reading.value("sharq_time_in_queue_seconds_count", queue_type="sms") == 2
    assert reading.value("sharq_time_in_queue_seconds_sum", queue_type="sms") == 4 + 1
    assert reading.value("sharq_lease_seconds_count", queue_type="sms") == 1
    assert reading.value("sharq_lease_seconds_sum", queue_type="sms") == 7


async def test_requests_are_counted_by_route_and_status_and_not_by_what_clients_choose(
    client: httpx.AsyncClient,
) -> None:
    for path in ("/queue/sms/a/", "/queue/sms/b", "/queue/sms/b%2F/", "/nothing/", "/a/b/c/d/e"):
        await client.get(path)
    await client.post("/enqueue/sms/q/", content=b"{")
    await client.delete("/-/health")
    reading = await read_metrics(client)

    def count(route: str, status: int) -> float | None:
        labels = {"route": route, "status": str(status)}
        return reading.value("sharq_http_requests_total", **labels)

    assert count("/queue/<queue_type>/<queue_id>", 200) == 2
    assert count("/enqueue/<queue_type>/<queue_id>", 400) == 1
    assert count("none", 404) == 2
    assert count("none", 405) == 1
    routes = reading.labels_of("sharq_http_requests", "route")
    assert routes <= {"/queue/<queue_type>/<queue_id>", "/enqueue/<queue_type>/<queue_id>", "none"}
    durations = {"route": "/queue/<queue_type>/<queue_id>"}
    assert reading.value("sharq_http_request_duration_seconds_count", **durations) == 3


async def test_head_and_options_and_other_methods(client: httpx.AsyncClient) -> None:
    for path in (METRICS, "/-/scaling/sms/"):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
        assert (await client.options(path)).headers["allow"] == "GET, HEAD, OPTIONS"
        assert (await client.post(path)).status_code == 405
    assert (await client.get("/-/scaling/s%2Fms/")).status_code == 400
    assert (await client.get("/-/scaling/")).status_code == 404


class Away(MemoryStore):
    is_away = False
    read = 0

    async def page(
        self, queue_type: str | None, listing: Listing, *, cursor: str | None = None, limit: int
    ) -> Page:
        if self.is_away:
            raise StoreUnavailable("an address")
        if isinstance(listing, Figures):
            self.read += len(listing.names)
        return await super().page(queue_type, listing, cursor=cursor, limit=limit)

    async def health(self, *, thorough: bool = False) -> Sequence[str]:
        return ["It forgets."] if thorough else ()


async def test_without_the_store_a_server_tells_its_own_figures() -> None:
    store = Away()
    async with serving(lambda: store) as served:
        await send(served.client, enqueue("j"))
        assert (await read_metrics(served.client)).value("sharq_store_up") == 1
        store.is_away = True
        reading = await read_metrics(served.client)
        assert reading.value("sharq_store_up") == 0
        assert reading.families["sharq_jobs"].samples == []
        assert reading.families["sharq_http_requests"].samples
        assert reading.value("sharq_store_call_duration_seconds_count", verb="enqueue") == 1
        scaling = await served.client.get("/-/scaling/sms/")
        assert (scaling.status_code, "address" in scaling.text) == (503, False)


async def test_the_version_and_the_backend_are_told() -> None:
    async with serving(MemoryStore, AppOptions(backend="memory", version="1.2.3")) as served:
        reading = await read_metrics(served.client)
        labels = {"version": "1.2.3", "backend": "memory"}
        assert reading.value("sharq_build_info", **labels) == 1
        assert reading.value("sharq_waiting_workers") == 0


async def test_waiting_workers_are_counted(served: Served) -> None:
    waits = asyncio.create_task(served.client.get("/dequeue/sms/?wait=60000"))
    await comes_true(lambda: served.service.waiting_callers == 1)
    assert (await read_metrics(served.client)).value("sharq_waiting_workers") == 1
    await send(served.client, enqueue("j"))
    assert (await waits).status_code == 200
    assert (await read_metrics(served.client)).value("sharq_waiting_workers") == 0


FEW = AppOptions(service=ServiceOptions(tends=False, metrics_types=3))


async def put(service: QueueService, *types: str, count: int = 1) -> None:
    for queue_type in types:
        for _ in range(count):
            job_id = f"j{(await service.figures.of(queue_type)).totals.enqueued}"
            await service.enqueue(
                queue_type, [service.new_job("q", job_id=job_id, payload=b"1", interval=0)]
            )


def enqueued(reading: Reading) -> dict[str, float]:
    samples = reading.families["sharq_jobs_enqueued"].samples
    return {sample.labels["queue_type"]: sample.value for sample in samples}


async def test_past_so_many_types_the_others_are_one_series(clock: ManualClock) -> None:
    async with serving(lambda: MemoryStore(clock), FEW) as served:
        await put(served.service, "b", "d")
        clock.advance(5000)
        await put(served.service, "c", "a", "e")
        reading = await read_metrics(served.client)
        assert enqueued(reading) == {"a": 1, "b": 1, "c": 1, OTHER_TYPES: 2}
        assert reading.value("sharq_jobs", queue_type=OTHER_TYPES, state="waiting") == 2
        assert reading.value("sharq_overdue_seconds", queue_type=OTHER_TYPES) == 5
        assert reading.value("sharq_queues_ready", queue_type=OTHER_TYPES) == 2


async def test_a_counter_of_the_others_never_falls_nor_jumps(clock: ManualClock) -> None:
    async with serving(lambda: MemoryStore(clock), FEW) as served:
        service = served.service
        await put(service, "b", "c", "d", "e", count=4)
        assert enqueued(await read_metrics(served.client))[OTHER_TYPES] == 4
        await put(service, "a", count=2)  # d is among the others now
        assert enqueued(await read_metrics(served.client)) == {
            "a": 2,
            "b": 4,
            "c": 4,
            OTHER_TYPES: 4,
        }
        await put(service, "d", "e", count=1)
        assert enqueued(await read_metrics(served.client))[OTHER_TYPES] == 6


async def test_a_type_of_the_name_of_the_others_is_among_them(clock: ManualClock) -> None:
    async with serving(lambda: MemoryStore(clock), FEW) as served:
        await put(served.service, OTHER_TYPES, "a")
        assert enqueued(await read_metrics(served.client)) == {"a": 1, OTHER_TYPES: 1}
        job = (await served.client.get(f"/dequeue/{OTHER_TYPES}/")).json()
        assert job["job_id"] == "j0"
        reading = await read_metrics(served.client)
        labels = {"queue_type": OTHER_TYPES}
        assert reading.value("sharq_time_in_queue_seconds_count", **labels) == 1


async def test_a_scrape_does_not_read_all_of_the_others() -> None:
    store = Away()
    async with serving(lambda: store, FEW) as served:
        await put(served.service, *(f"t{number:04}" for number in range(1500)))
        assert enqueued(await read_metrics(served.client))[OTHER_TYPES] == 1497
        read = store.read
        await put(served.service, *(f"t{number:04}" for number in range(1500)))
        writes = store.read - read
        for _ in range(4):
            reading = await read_metrics(served.client)
        assert store.read - read - writes == 4 * 403
        assert enqueued(reading)[OTHER_TYPES] == 2 * 1497


async def test_histograms_of_many_types_are_one_series_too(clock: ManualClock) -> None:
    async with serving(lambda: MemoryStore(clock), FEW) as served:
        names = ["d", "a", "e", "c", "b"]
        await put(served.service, *names, "f")
        for name in (*names, "f"):
            await served.client.get(f"/dequeue/{name}/")
        reading = await read_metrics(served.client)
        found = reading.labels_of("sharq_time_in_queue_seconds", "queue_type")
        assert OTHER_TYPES in found
        assert len(found) <= 2 * 3 + 1
        counts = [
            sample.value
            for sample in reading.families["sharq_time_in_queue_seconds"].samples
            if sample.name.endswith("_count")
        ]
        assert sum(counts) == 6


def looked_up(body: object, location: str) -> float:
    """Return what KEDA's metrics-api scaler finds at a `valueLocation`: keys with dots between."""
    for key in location.split("."):
        assert isinstance(body, dict)
        body = body[key]
    assert isinstance(body, int | float)
    return float(body)


async def test_keda_finds_its_value(served: Served, clock: ManualClock) -> None:
    await send(served.client, enqueue("j1", interval=60_000))
    await send(served.client, enqueue("j2", interval=60_000))
    clock.advance(1500)
    # GET with no body, and JSON in any content type: so scalers/metrics_api_scaler.go asks.
    answer = await served.client.get("/-/scaling/sms/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "application/json"
    values = {
        key: looked_up(answer.json(), key) for key in ("ready_queues", "leased", "overdue_ms")
    }
    assert values == {"ready_queues": 1, "leased": 0, "overdue_ms": 1500}
    await served.client.get("/dequeue/sms/")
    clock.advance(1000)
    throttled = (await served.client.get("/-/scaling/sms/")).json()
    assert throttled == {"status": "success", "ready_queues": 0, "leased": 1, "overdue_ms": 0}
    nobody = (await served.client.get("/-/scaling/unknown/")).json()
    assert nobody == {"status": "success", "ready_queues": 0, "leased": 0, "overdue_ms": 0}


async def test_a_closed_gate_leaves_nothing_ready(served: Served, clock: ManualClock) -> None:
    await send(served.client, enqueue("j"))
    clock.advance(100)
    await send(served.client, ("PATCH", "/type/sms/", {"paused": True}))
    reading = await read_metrics(served.client)
    assert reading.value("sharq_queues_ready", queue_type="sms") == 0
    assert reading.value("sharq_overdue_seconds", queue_type="sms") == 0
    assert (await served.client.get("/-/scaling/sms/")).json()["ready_queues"] == 0


async def test_the_detail_of_readiness_tells_what_serves_and_its_weaknesses() -> None:
    async with serving(Away, AppOptions(backend="memory", version="1.2.3")) as served:
        detail = (await served.client.get("/-/ready?detail=1")).json()
        assert detail == {
            "status": "success",
            "version": "1.2.3",
            "backend": "memory",
            "weaknesses": ["It forgets."],
            "problems": [],
        }
        assert (await served.client.get("/-/ready")).json() == {"status": "success"}
        assert (await served.client.get("/-/ready?detail=2")).status_code == 400

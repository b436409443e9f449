"""What a query of a dequeue may hold: options, nearly options, and anything else."""

import httpx
import pytest

from support.api import enqueue, send

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("backend", ["memory"], indirect=True)]

NEARLY = {
    "wait": [
        "waits",
        "wai",
        "Wait",
        "WAIT",
        "wiat",
        "wait[]",
        "%77aits",
        "wait_",
        "-wait",
        "await",
    ],
    "count": ["counts", "cont", "Count", "coutn", "conut", "count%5B%5D", "c_ount"],
    "lease_time": [
        "lease-time",
        "leaseTime",
        "leasetime",
        "lease_tme",
        "leases_time",
        "Lease_Time",
    ],
    "attempt_id": ["attempt-id", "attemptId", "attemptid", "attempt", "attempts_id", "atempt_id"],
}


@pytest.mark.parametrize("meant", NEARLY)
async def test_a_parameter_that_is_nearly_an_option_is_refused(
    client: httpx.AsyncClient, meant: str
) -> None:
    await send(client, enqueue("j1"))
    for path in ("/dequeue/", "/dequeue/sms/"):
        for name in NEARLY[meant]:
            for query in (f"{name}=1", name, f"count=1&{name}=1"):
                response = await client.get(f"{path}?{query}")
                assert (query, response.status_code) == (query, 400)
                sent = httpx.QueryParams(f"{name}=1").keys()
                assert response.json() == {
                    "status": "failure",
                    "message": f"There is no `{next(iter(sent))}`: `{meant}` is meant.",
                    "error": "invalid",
                }
    assert (await client.get("/dequeue/sms/")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "patience=1",
        "_=1700000000",
        "t",
        "&&",
        "=",
        "timeout=5&time=1",
        "id=7",
        "count_wait=1",
        "queue_id=q&worker=7",
        "%FF=%FF",
        "x=wait&y=count",
        "w" * 4000,
    ],
)
async def test_any_other_parameter_is_ignored(client: httpx.AsyncClient, query: str) -> None:
    await send(client, enqueue("j1"))
    assert (await client.get(f"/dequeue/sms/?{query}")).status_code == 200


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("count", "count=1&count=2"),
        ("count", "count=1&x=1&%63ount=1"),
        ("wait", "wait=0&wait=0"),
        ("lease_time", "lease_time=1&lease_time=1"),
        ("attempt_id", "attempt_id=a&attempt_id=b"),
    ],
)
async def test_an_option_that_is_given_twice_is_refused(
    client: httpx.AsyncClient, name: str, query: str
) -> None:
    response = await client.get(f"/dequeue/sms/?{query}")
    assert response.status_code == 400
    assert response.json()["message"] == f"`{name}` is given more than once."


@pytest.mark.parametrize("query", ["queues=", "queues=a%20b", "queues=a,,b", "together=2"])
async def test_bad_queries_take_nothing(client: httpx.AsyncClient, query: str) -> None:
    await send(client, enqueue("j1"))
    assert (await client.get(f"/dequeue/sms/?{query}")).status_code == 400
    metrics = (await client.get("/metrics/sms/q/")).json()
    assert (metrics["queue_length"], metrics["leased"]) == (1, 0)


async def test_a_plus_in_a_query_is_a_plus(client: httpx.AsyncClient) -> None:
    for job_id in ("j1", "j2", "j3"):
        await send(client, enqueue(job_id))
    jobs = [
        (await client.get(f"/dequeue/sms/?attempt_id={attempt_id}")).json()["job_id"]
        for attempt_id in ("worker+7", "worker%2B7", "worker-7", "worker%2b7")
    ]
    assert jobs == ["j1", "j1", "j2", "j1"]
    assert (await client.get("/dequeue/sms/?attempt_id=worker%207")).status_code == 400

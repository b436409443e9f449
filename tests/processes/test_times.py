"""The times of the section [sharq] reach the server that they are set for."""

import httpx
import pytest

from support.server import ServerProcess
from support.waiting import until


def test_a_server_bounds_lease_times_and_remembers_keys_as_it_is_configured() -> None:
    environ = {"SHARQ_MAX_LEASE_TIME": "700", "SHARQ_IDEMPOTENCY_TIME": "50"}
    with ServerProcess(environ=environ) as server, httpx.Client(base_url=server.url) as client:

        def is_duplicate(job_id: str) -> bool:
            job = {"job_id": job_id, "interval": 0, "payload": {}}
            answer = client.post("/enqueue/sms/q/", json=job, headers={"Idempotency-Key": "k"})
            return "duplicate" in answer.json()

        assert not is_duplicate("j1")
        refused = client.post("/dequeue/sms/", json={"lease_time": 701})
        assert refused.json()["message"] == "`lease_time` must be an integer from 1 to 700."
        assert client.post("/dequeue/sms/", json={"lease_time": 700}).status_code == 200
        until(lambda: not is_duplicate("j2"))


@pytest.mark.parametrize(
    ("variable", "kept"),
    [("SHARQ_DEAD_LETTER_MAX_AGE", []), ("SHARQ_DEAD_LETTER_MAX_COUNT", ["j2", "j1"])],
)
def test_a_server_keeps_dead_letters_as_it_is_configured(variable: str, kept: list[str]) -> None:
    environ = {variable: "2", "SHARQ_JOB_REQUEUE_INTERVAL": "10"}
    with ServerProcess(environ=environ) as server, httpx.Client(base_url=server.url) as client:
        for number in range(3):
            job = {"job_id": f"j{number}", "interval": 0, "payload": {}}
            client.post("/enqueue/sms/q/", json=job)
            lease = client.post("/dequeue/sms/").json()["lease"]
            client.post(f"/fail/sms/q/j{number}/", json={"lease": lease, "dead": True})

        def letters() -> list[str]:
            found = client.get("/deadletters/sms/").json()["letters"]
            return [letter["job_id"] for letter in found]

        until(lambda: letters() == kept)
        aged_out = client.get("/type/sms/").json()["totals"]["aged_out"]
        assert aged_out == 3 - len(kept)

"""The times of the section [sharq] reach the server that they are set for."""

import httpx

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

"""sharq-server on a cluster: SharQ's sample file, README's worker, checks and probes."""

import itertools
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from redis_cluster.many_types import MANY, a_type_at

from sharq_redis.library import Library
from support.program import Program
from support.readme import ADDRESS, block
from support.redis_cluster import RedisCluster, ask
from support.redis_server import RedisServer, free_port
from support.sentinels import SERVICE, Sentinel, Watch
from support.server import ServerProcess, run_command
from support.sharq_files import SHARQ_SAMPLE
from support.waiting import until

WORKER = block("python", "while True")


def sample(folder: Path, port: int) -> Path:
    """Write SharQ's sample file, clustered and with the ports of this machine."""
    path = folder / "sharq.conf"
    text = SHARQ_SAMPLE.replace("clustered                 : false", "clustered : true")
    text = text.replace("port                      : 6379", f"port : {port}")
    path.write_text(text.replace("/tmp/sharq.log", str(folder / "access.log")))
    return path


def check(**options: object) -> subprocess.CompletedProcess[str]:
    environ = {f"SHARQ_REDIS_{key.upper()}": str(value) for key, value in options.items()}
    done = run_command("--check", "--backend", "redis", environ=environ)
    assert "Traceback" not in done.stderr
    return done


def test_sharqs_sample_file_and_the_worker_of_the_readme_work(
    cluster: RedisCluster, tmp_path: Path
) -> None:
    file = sample(tmp_path, cluster.primaries[1].port)
    with ServerProcess("--config", str(file)) as server:
        for name in MANY:
            body = {"job_id": "j", "interval": 0, "payload": {"n": 1}}
            added = httpx.post(f"{server.url}/enqueue/{name}/q/", json=body)
            assert added.status_code == 201
        assert {*httpx.get(f"{server.url}/metrics/").json()["queue_types"]} == {*MANY}
        for name in MANY:
            taken = httpx.get(f"{server.url}/dequeue/{name}/").json()
            assert taken["job_id"] == "j"
            finish = f"{server.url}/finish/{name}/{taken['queue_id']}/j/"
            assert httpx.post(finish, json={}).status_code == 200
        job = {"job_id": "w", "interval": 0, "payload": {"to": "x"}}
        worker = Program(WORKER.replace(ADDRESS, server.url), tmp_path)
        try:
            added = httpx.post(f"{server.url}/enqueue/sms/acme/", json=job)
            assert added.status_code == 201
            queue = f"{server.url}/metrics/sms/acme/"
            until(lambda: _is_empty(httpx.get(queue).json()))
        finally:
            worker.kill()
        assert "a Redis Cluster" in server.log()


def _is_empty(metrics: dict[str, int]) -> bool:
    return (metrics["queue_length"], metrics["leased"]) == (0, 0)


def test_a_check_passes_on_a_cluster(cluster: RedisCluster) -> None:
    done = check(clustered="true", nodes=cluster.nodes)
    assert done.returncode == 0, done.stderr
    assert "WARNING" in done.stderr, "it has no persistence"
    assert "set [redis] clustered" not in done.stderr


OF_NO_CLUSTER = "it is not part of a Redis Cluster: set [redis] clustered : false"
OF_A_CLUSTER = "it is part of a Redis Cluster: set [redis] clustered : true"
NO_SENTINEL = "it is not a Sentinel: [redis] sentinels lists only sentinels"
WRONG_KINDS = {
    "a cluster": OF_A_CLUSTER,
    "a replica of a cluster": OF_A_CLUSTER,
    "no cluster": OF_NO_CLUSTER,
    "a replica": "it is a read-only replica, and a primary is needed",
    "a replica, clustered": OF_NO_CLUSTER,
    "a Sentinel": "it is a Sentinel: list it in [redis] sentinels",
    "a Sentinel, clustered": "it is not part of a Redis Cluster; it may be a Sentinel",
    "no Sentinel": NO_SENTINEL,
    "a cluster for a Sentinel": NO_SENTINEL,
}


@pytest.fixture(scope="module")
def wrong_kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Options that name a server of the wrong kind, by what it is."""
    folder = tmp_path_factory.mktemp("kinds")
    with (
        Watch(folder / "watch", sentinels=1) as watch,
        RedisCluster(folder / "cluster", primaries=1, replicas=1) as cluster,
    ):
        primary = next(one for one in watch.servers if one is watch.primary)
        replica = next(one for one in watch.servers if one is not primary)
        part = cluster.primaries[0]
        yield {
            "a cluster": _at(part),
            "a replica of a cluster": _at(cluster.replicas[0]),
            "no cluster": _at(primary, clustered="true"),
            "a replica": _at(replica),
            "a replica, clustered": _at(replica, clustered="true"),
            "a Sentinel": _at(watch.sentinels[0]),
            "a Sentinel, clustered": _at(watch.sentinels[0], clustered="true"),
            "no Sentinel": {"sentinels": f"127.0.0.1:{primary.port}", "sentinel_service": SERVICE},
            "a cluster for a Sentinel": {
                "sentinels": f"127.0.0.1:{part.port}",
                "sentinel_service": SERVICE,
            },
        }


def _at(server: RedisServer | Sentinel, **others: str) -> dict[str, str]:
    return {"port": str(server.port), **others}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_a_server_of_the_wrong_kind_is_reported_by_a_check_and_at_the_start(
    wrong_kinds: dict[str, dict[str, str]], kind: str
) -> None:
    options = wrong_kinds[kind]
    done = check(**options)
    assert done.returncode == 2
    assert WRONG_KINDS[kind] in done.stderr
    assert done.stderr.count("\n") == 1
    environ = {f"SHARQ_REDIS_{key.upper()}": value for key, value in options.items()}
    with ServerProcess("--backend", "redis", environ=environ) as server:
        until(lambda: WRONG_KINDS[kind] in server.log())
        [said] = [line for line in server.log().splitlines() if "WARNING" in line]
        assert "requests are answered with 503 until it does" in said
        assert httpx.get(f"{server.url}/-/ready").status_code == 503


def test_a_server_that_has_not_joined_a_cluster_is_reported(tmp_path: Path) -> None:
    arguments = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    with RedisServer(tmp_path, *arguments) as server:
        done = check(port=server.port, clustered="true")
    assert done.returncode == 2
    assert "it has no slots: it has not joined a cluster yet" in done.stderr


def test_a_part_that_is_down_is_named_and_the_rest_is_ready(own_cluster: RedisCluster) -> None:
    down, up, _ = own_cluster.primaries
    lost, kept = a_type_at(own_cluster, down), a_type_at(own_cluster, up)
    environ = {"SHARQ_REDIS_CLUSTERED": "true", "SHARQ_REDIS_NODES": own_cluster.nodes}
    with ServerProcess("--backend", "redis", environ=environ) as server:
        until(lambda: httpx.get(f"{server.url}/-/ready").status_code == 200)
        body = {"job_id": "j", "interval": 0, "payload": 1}

        def status(name: str) -> int:
            return httpx.post(f"{server.url}/enqueue/{name}/q/", json=body).status_code

        assert (status(lost), status(kept)) == (201, 201)
        assert httpx.get(f"{server.url}/-/metrics").text.count("sharq_queues{") == 2
        down.stop()
        body["job_id"] = "j2"
        assert (status(lost), status(kept)) == (503, 201)
        for listing in ("/types/", "/metrics/"):  # they need every part
            answer = httpx.get(f"{server.url}{listing}")
            assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert httpx.get(f"{server.url}/queues/{kept}/").json()["queues"][0]["queue_id"] == "q"
        figures = httpx.get(f"{server.url}/-/metrics").text
        assert "sharq_store_up 1" in figures
        assert f'sharq_queues{{queue_type="{kept}"}} 1' in figures
        assert f'queue_type="{lost}"' not in figures
        assert httpx.get(f"{server.url}/-/ready").status_code == 200
        detail = httpx.get(f"{server.url}/-/ready?detail=1").json()
        [said] = [text for text in detail["weaknesses"] if "unreachable" in text]
        assert f"127.0.0.1:{down.port}" in said
        done = check(clustered="true", nodes=own_cluster.nodes)
        assert done.returncode == 0, done.stderr
        assert f"unreachable; calls on these types get 503: Redis at 127.0.0.1:{down.port}" in (
            done.stderr
        )
        down.start()
        until(lambda: status(lost) == 201)


def test_while_a_part_is_down_no_request_for_another_part_fails(own_cluster: RedisCluster) -> None:
    down, *_ = own_cluster.primaries
    lost = [name for name in MANY if own_cluster.of_type(name) is down]
    kept = [name for name in MANY if name not in lost]
    numbers = itertools.count()
    is_over = threading.Event()

    of_lost: Counter[int] = Counter()
    of_kept: Counter[int] = Counter()

    def ask_for(names: list[str], found: Counter[int], url: str) -> None:
        """Enqueue and dequeue on the types, one after the other; count the answers."""
        with httpx.Client(base_url=url) as client:
            while not is_over.is_set():
                for name in names:
                    body = {"job_id": f"j{next(numbers)}", "interval": 0, "payload": 1}
                    found[client.post(f"/enqueue/{name}/q/", json=body).status_code] += 1
                    found[client.get(f"/dequeue/{name}/").status_code] += 1

    environ = {"SHARQ_REDIS_CLUSTERED": "true", "SHARQ_REDIS_NODES": own_cluster.nodes}
    with (
        ServerProcess("--backend", "redis", environ=environ) as server,
        ThreadPoolExecutor(6) as pool,
    ):
        crowds = ((lost, of_lost), (kept, of_kept)) * 3
        calls = [pool.submit(ask_for, *crowd, server.url) for crowd in crowds]

        def status() -> int:
            return httpx.get(f"{server.url}/dequeue/{lost[0]}/").status_code

        try:
            until(lambda: status() == 200)
            down.stop()
            until(lambda: status() == 503)
            assert httpx.get(f"{server.url}/-/ready").status_code == 200
            answered = of_kept.total()
            until(lambda: of_kept.total() > answered + 100)
            down.start()
            until(lambda: status() == 200)
        finally:
            is_over.set()
        for call in calls:
            call.result()
        assert {*of_kept} == {200, 201}
        assert of_lost[503] > 0
        assert {*of_lost} <= {200, 201, 404, 503}, "404: a job that was leased when it went down"


@pytest.mark.parametrize("dry", [True, False])
def test_functions_are_pruned_on_every_primary(cluster: RedisCluster, *, dry: bool) -> None:
    old = "sharq_0123456789ab"
    text = f"#!lua name={old}\nredis.register_function('{old}_f', function() return 1 end)"
    for server in cluster.primaries:
        ask(server, "FUNCTION", "LOAD", "REPLACE", text)
    environ = {"SHARQ_REDIS_CLUSTERED": "true", "SHARQ_REDIS_NODES": cluster.nodes}
    flags = ("--backend", "redis", "functions", "prune", *(["--dry-run"] if dry else []))
    done = run_command(*flags, environ=environ)
    did = "would remove" if dry else "removed"
    assert done.stdout.splitlines() == [
        f"{did} {old} at 127.0.0.1:{server.port}" for server in cluster.primaries
    ]
    for server in cluster.primaries:
        names = [library[1] for library in ask(server, "FUNCTION", "LIST")]
        assert (old.encode() in names) is dry
        assert {*names} <= {old.encode(), Library.load().name.encode()}

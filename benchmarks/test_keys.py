"""What a key costs: a server that asks for keys, compared with one that serves everybody."""

from functools import partial
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.servers import load, sharq_server
from benchmarks.test_http import CONNECTIONS, VERBS, Bench
from sharq_plug.keys.writing import add_key
from sharq_plug.model import Scope
from sharq_plug.testing.benchmarks import Row, Side, in_turns

ROUNDS = 15
JOBS = 12_000
"""In a round."""
NO_KEYS = "without keys"
MOST = 1.04
"""The bar: a request that carries a key may cost this much of one to a server without keys."""


@pytest.mark.benchmark(group="keys")
def test_a_key_costs_little(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    token = add_key(path, "load", scopes=[Scope.ENQUEUE, Scope.WORK])
    environ = {"SHARQ_SERVER_BACKEND": "memory"}
    sides: dict[str, Side] = {}
    with (
        sharq_server(environ) as without,
        sharq_server(environ | {"SHARQ_SERVER_KEYS_FILE": str(path)}) as keyed,
        load() as loader,
    ):
        bench = Bench(loader, benchmark)
        bench.connect(without.port, keyed.port, connections=CONNECTIONS)
        # A finish is for what was dequeued last, so each server does all verbs before the other.
        for name, port, sent in ((NO_KEYS, without.port, None), ("with a key", keyed.port, token)):
            for verb in VERBS:
                status = 201 if verb == "enqueue" else 200
                sides[f"{verb}, {name}"] = Side(
                    units=JOBS,
                    before=partial(bench.ask, "prepare", verb=verb, jobs=JOBS, batch=1, token=sent),
                    run=partial(bench.send, port, status, JOBS, keep=verb == "dequeue"),
                )
        rows = [
            Row(
                what=f"memory, {verb} with a key",
                side=f"{verb}, with a key",
                against=f"{verb}, {NO_KEYS}",
                show="cost",
                unit="µs a request",
                at_most=MOST,
            )
            for verb in VERBS
        ]
        in_turns(benchmark, sides, ROUNDS, rows)
        bench.note("with keys and without")

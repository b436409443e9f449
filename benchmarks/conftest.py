"""What the benchmarks share: cores, a Redis, SharQ."""

from collections.abc import Iterator

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks import machine, sharq_library
from benchmarks.remote import Remote
from sharq_plug.testing.benchmarks import show_rows as show
from support.cores import on_core
from support.redis_server import RedisServer


@pytest.fixture(scope="session", autouse=True)
def one_core() -> Iterator[None]:
    """Stay on the measured core."""
    with on_core(machine.MEASURED):
        yield


@pytest.fixture(autouse=True)
def show_rows(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Show the results on the terminal after each benchmark."""
    yield
    show(benchmark, capsys)


@pytest.fixture
def redis_server(
    benchmark: BenchmarkFixture, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """An empty Redis server on the other core."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    with on_core(machine.OTHER):
        server.start()
    benchmark.extra_info["redis"] = machine.redis_version(server.client())
    yield server
    server.stop()


@pytest.fixture
def sharq(redis_server: RedisServer, benchmark: BenchmarkFixture) -> Iterator[Remote]:
    """SharQ on the same Redis; the report says so if it cannot run."""
    try:
        remote = sharq_library.sharq(redis_server.port)
    except sharq_library.CannotRunError as error:
        benchmark.extra_info["skipped"] = str(error)
        benchmark.pedantic(str)  # type: ignore[no-untyped-call]  # what did not run is not in it
        pytest.skip(str(error))
    with remote:
        yield remote


def pytest_benchmark_generate_machine_info() -> dict[str, str]:
    return machine.described()

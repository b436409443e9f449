import subprocess
import sys

import pytest

OPEN_AND_LIST = """
import sys
from sharq_plug.plugins import installed_backends, open_store
installed_backends()
open_store(sys.argv[1])
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize(
    ("name", "own", "others"),
    [
        ("memory", {"sharq_memory", "sortedcontainers"}, {"sharq_redis", "redis", "hiredis"}),
        ("redis", {"sharq_redis", "redis"}, {"sharq_memory", "sortedcontainers"}),
    ],
)
def test_only_the_chosen_backend_is_imported(name: str, own: set[str], others: set[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", OPEN_AND_LIST, name], capture_output=True, text=True, check=True
    )
    imported = set(answer.stdout.split())
    assert own <= imported
    assert not others & imported


def test_the_server_is_imported_without_any_backend() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import sharq_plug.server.cli, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {name.partition(".")[0] for name in answer.stdout.split()}
    assert not {"sharq_memory", "sharq_redis", "redis", "sortedcontainers"} & packages

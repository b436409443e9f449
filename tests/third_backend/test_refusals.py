"""A backend that breaks the contract is refused in one line, with exit status 2."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from third_backend.distribution import Distribution

from support.server import run_command

PLUGIN = "sharq_sqlite/plugin.py"
STORE = "sharq_sqlite/store.py"


def complaint(environ: Mapping[str, str], *arguments: str) -> str:
    """Return the line with which the server refuses the backend."""
    answer = run_command("--backend", "sqlite", "--check", *arguments, environ=environ)
    assert answer.returncode == 2
    [line] = answer.stderr.splitlines()
    assert line.startswith("sharq-server: error: ")
    return line


@pytest.mark.parametrize(
    ("path", "old", "new", "reason"),
    [
        (PLUGIN, "@hookimpl\n", "", "backend 'sqlite' is broken: it implements no hook"),
        (PLUGIN, "def sharq_backend", "def sharq_back", "unknown hook 'sharq_back'"),
        (PLUGIN, "return Backend(", "return dict(", "returned dict, not sharq_plug.hookspecs"),
        (PLUGIN, "return SqliteStore(", "return Exception(", "broken: it opened a Exception, not"),
        (STORE, "async def tend", "async def mend", "TypeError: Can't instantiate abstract class"),
        (STORE, "import sqlite3", "import sqlite4", "needs the module 'sqlite4', which is not"),
        (
            "pyproject.toml",
            "sharq_sqlite.plugin",
            "sharq_sqlite.plug",
            "broken: ModuleNotFoundError",
        ),
    ],
    ids=["no hook", "misnamed hook", "no backend", "no store", "no verb", "no driver", "no module"],
)
def test_each_breach_of_the_contract_is_named(
    distribution: Distribution, path: str, old: str, new: str, reason: str
) -> None:
    distribution.change(path, old, new)
    distribution.install()
    assert reason in complaint(distribution.environ)


def test_two_distributions_of_one_name_are_both_named(
    installed: Distribution, distribution: Distribution
) -> None:
    distribution.change("pyproject.toml", 'name = "sharq-sqlite"', 'name = "other-sqlite"')
    distribution.install()
    both = {"PYTHONPATH": f"{distribution.site}:{installed.site}"}
    line = complaint(both)
    assert "backend 'sqlite' is claimed by " in line
    assert "other-sqlite 1.0" in line
    assert "sharq-sqlite 1.0" in line


def test_an_unknown_option_is_named(installed: Distribution, tmp_path: Path) -> None:
    config = tmp_path / "sharq.conf"
    config.write_text("[sqlite]\npath = :memory:\ncolour = blue\n")
    line = complaint(installed.environ, "--config", str(config))
    assert "[sqlite]" in line
    assert "colour" in line


def test_a_file_that_it_cannot_open_is_named(installed: Distribution, tmp_path: Path) -> None:
    path = str(tmp_path / "no-such-folder" / "queues.db")
    line = complaint({**installed.environ, "SHARQ_SQLITE_PATH": path})
    assert "SQLite: unable to open database file" in line


def test_several_processes_may_not_share_it(installed: Distribution) -> None:
    assert "workers" in complaint(installed.environ, "--workers", "2")

"""The arithmetic of docs/scale.md is what the modules that it names compute."""

import importlib.util
import re

from benchmarks.balance import PREFIX, table
from benchmarks.billion import SEEDS, balance_rows, memory_rows
from support.readme import README, ROOT

PAGE = (ROOT / "docs" / "scale.md").read_text()


def test_the_readme_and_the_page_on_redis_lead_to_it() -> None:
    assert "](docs/scale.md" in README
    assert "](scale.md" in (ROOT / "docs" / "redis.md").read_text()


def test_each_command_of_the_page_is_there() -> None:
    modules = set(re.findall(r"python -m (benchmarks\.\w+)", PAGE))
    assert len(modules) >= 5
    assert all(importlib.util.find_spec(module) for module in modules)


def test_the_page_has_the_table_of_buckets() -> None:
    assert table(PREFIX) in PAGE


def test_the_page_has_the_tables_of_the_simulation() -> None:
    """Those that are quickly simulated."""
    head, rule, *rows = balance_rows(SEEDS, (100, 1000))
    assert f"{head}\n{rule}\n" in PAGE
    assert all(row in PAGE for row in rows)
    head, rule, *rows = memory_rows(1, types=1)
    assert f"{head}\n{rule}\n" in PAGE
    assert all(row.rsplit("|", 3)[0] in PAGE for row in rows)


def test_what_a_million_jobs_take_follows_from_the_figures_beside_it() -> None:
    """A million jobs of so many us are so many cores; each is busy for seven tenths."""
    row = r"^\| \d+ per call \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$"
    rows = re.findall(row, PAGE, re.MULTILINE)
    assert len(rows) == 3
    for redis, primaries, server, processes, cores in (map(int, row) for row in rows):
        assert primaries == -(-10 * redis // 7)
        assert processes == -(-10 * server // 7)
        assert cores == primaries + processes

"""Counts of several processes: a file for each, and their sums."""

import logging
import os
from pathlib import Path

import pytest

from sharq_plug.figures import DIRECTORY_VARIABLE, ProcessFigures
from sharq_plug.figures.counted import Times


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    return tmp_path


def another(directory: Path, name: str) -> None:
    """Let what this process has written be that of another one."""
    (directory / str(os.getpid())).rename(directory / name)


def observe(figures: ProcessFigures, *names: str) -> None:
    for name in names:
        figures.delivered(name, 2000)
        figures.ended(name, 500)
        figures.called(name, 1.5)
        figures.answered(name, 200, 0.5)


def test_what_processes_have_counted_is_added_up(directory: Path) -> None:
    for name, seen in (("1", ("a", "b")), ("2", ("b", "c"))):
        figures = ProcessFigures(10)
        observe(figures, *seen)
        figures.settle(waiting=2)
        another(directory, name)
    figures = ProcessFigures(10)
    observe(figures, "b")
    figures.settle(waiting=1)
    counted = figures.counted()
    assert counted.waiting == 5
    for of_each, seconds in (
        (counted.delivered, 2.0),
        (counted.ended, 0.5),
        (counted.called, 1.5),
        ({name: found["200"] for name, found in counted.answered.items()}, 0.5),
    ):
        totals = {name: (times.total(), times.seconds) for name, times in of_each.items()}
        assert totals == {"a": (1, seconds), "b": (3, 3 * seconds), "c": (1, seconds)}


def test_a_scrape_adds_nothing_to_what_was_counted(directory: Path) -> None:
    figures = ProcessFigures(10)
    observe(figures, "a")
    figures.settle(waiting=0)
    another(directory, "1")
    first = figures.counted()
    assert figures.counted() == first
    assert sum(first.delivered["a"].counts) == 2


def test_a_file_that_is_half_written_is_not_read(directory: Path) -> None:
    (directory / "1.new").write_bytes(b"half")
    figures = ProcessFigures(10)
    observe(figures, "a")
    assert figures.counted().delivered["a"].total() == 1


def test_a_process_that_cannot_write_says_so_once_and_goes_on(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = directory / f"{os.getpid()}.new"
    blocked.mkdir()
    figures = ProcessFigures(10)
    for waiting in range(3):
        figures.settle(waiting=waiting)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    blocked.rmdir()
    figures.settle(waiting=7)
    another(directory, "1")
    assert ProcessFigures(10).counted().waiting == 7


def test_without_a_directory_a_process_counts_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DIRECTORY_VARIABLE, raising=False)
    figures = ProcessFigures(10)
    observe(figures, "a")
    assert not figures.is_shared
    assert figures.counted().ended["a"] == Times([*[0] * 6, 1, *[0] * 12], 0.5)

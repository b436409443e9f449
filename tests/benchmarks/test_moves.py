"""What the measurement of rows that move sees, with few names."""

import pytest

from benchmarks.moves import HEADER, LOAD, Case, Run, cases, row
from sharq_plug.model import MAX_MOVES

NAMES, SECONDS = 10, 12


@pytest.fixture(scope="module")
def seen() -> dict[str, Case]:
    """All cases, each after some seconds."""
    found = {case.title: case for case in cases(NAMES)}
    for case in found.values():
        Run(case, rate=NAMES).take(SECONDS)
    return found


def test_rows_with_one_name_never_move(seen: dict[str, Case]) -> None:
    assert seen["customers"].moves == 0
    assert seen["providers"].moves > 0


def test_full_queues_get_what_their_limits_allow(seen: dict[str, Case]) -> None:
    for title in ("full providers", "full cross"):
        assert len(seen[title].waits) == pytest.approx(NAMES * SECONDS, abs=NAMES)
    assert len(seen["cross"].waits) <= NAMES * SECONDS * LOAD


def test_a_call_makes_no_more_moves_than_its_bound(seen: dict[str, Case]) -> None:
    assert max(case.most_moves for case in seen.values()) == MAX_MOVES
    assert seen["swung"].calls_at_the_bound


def test_queues_that_are_never_let_go_keep_no_others_waiting_for_good(
    seen: dict[str, Case],
) -> None:
    assert not seen["swung"].waits
    brought_the_type_into_being = 1
    assert len(seen["swung"].plain_calls) == SECONDS * 1000 + brought_the_type_into_being


def test_a_case_is_a_line_of_the_table(seen: dict[str, Case]) -> None:
    for case in seen.values():
        assert len(row(case, NAMES, SECONDS)) == len(HEADER)

"""Rounds become a figure, its other side, their ratio, and the bar."""

import pytest

from sharq_plug.testing.benchmarks import Row, bar, extra_info, from_benchmark, shown

SAMPLES = {"here": [0.001, 0.002, 0.004], "there": [0.002, 0.002, 0.002]}


def row(**more: object) -> Row:
    return Row(what="something", side="here", against="there", **more)  # type: ignore[arg-type]


def test_a_rate_is_the_median_of_its_rounds() -> None:
    assert row().figure(SAMPLES) == 500
    assert row().other(SAMPLES) == 500


def test_a_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    moods = {"here": [1.0, 10.0, 100.0], "there": [2.0, 20.0, 200.0]}
    assert row().ratio(moods) == 2
    assert row(show="cost").ratio(moods) == 0.5


def test_a_cost_is_in_microseconds_and_a_value_stays_as_it_is() -> None:
    assert row(show="cost").figure(SAMPLES) == pytest.approx(2000)
    assert row(show="value").figure(SAMPLES) == 0.002


@pytest.mark.parametrize(
    ("limits", "met"),
    [
        ({}, None),
        ({"at_least": 1}, True),
        ({"at_least": 1.01}, False),
        ({"at_most": 1}, True),
        ({"at_most": 0.99}, False),
        ({"at_least": 500, "bar_for": "figure"}, True),
        ({"at_most": 499, "bar_for": "figure"}, False),
    ],
)
def test_a_bar_is_for_the_ratio_or_for_the_figure(
    *, limits: dict[str, object], met: bool | None
) -> None:
    assert row(**limits).met(SAMPLES) is met


def test_a_ratio_over_nothing_is_none_and_misses_its_bar() -> None:
    still = {"here": [1.0], "there": [0.0]}
    assert row(show="value").ratio(still) is None
    assert row(show="value", at_least=1).met(still) is False


def test_rounds_are_dealt_out_to_the_sides_in_turn() -> None:
    info = extra_info([row()], units={"here": 10, "there": 5})
    rows, samples = from_benchmark(info, [1.0, 2.0, 3.0, 4.0])
    assert rows == [row()]
    assert samples == {"here": [0.1, 0.3], "there": [0.4, 0.8]}


def test_a_value_that_is_no_time_is_reported_as_measured() -> None:
    info = extra_info([row()], measured={"here": [3.0]})
    assert from_benchmark(info, [12.0])[1] == {"here": [3.0]}


def test_figures_are_shown_with_three_digits() -> None:
    figures = [0.12345, 9.876, 99.96, 123.4, 12_345, 9_999_999]
    assert [*map(shown, figures)] == ["0.123", "9.88", "100", "123", "12 300", "10 000 000"]
    assert bar(row(at_least=40_000)) == "at least 40 000"
    assert bar(row(at_most=1.3)) == "at most 1.3"

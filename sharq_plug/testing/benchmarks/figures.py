"""The report of a measurement: a figure, its other side, their ratio, and the bar."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal, TypeAlias

import msgspec

Samples: TypeAlias = Mapping[str, Sequence[float]]
"""The results of each side, round by round: seconds a unit, or what it measured."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How to compute a line of a table.

    `side` is compared with `against`. A timed side is shown as a `rate` (units a second) or as a
    `cost` (microseconds a unit); what measured something else is shown as it is. The bar is
    meant for the ratio, or for the figure itself. On a plot, the row's cost is drawn at `x` on
    the line `series`.
    """

    what: str
    side: str
    against: str | None = None
    show: Literal["rate", "cost", "value"] = "rate"
    unit: str = "jobs/s"
    bar_for: Literal["ratio", "figure"] = "ratio"
    at_least: float | None = None
    at_most: float | None = None
    series: str | None = None
    x: int | None = None

    def __post_init__(self) -> None:
        if self.bar_for == "ratio" and self.against is None and self._has_bar:
            raise ValueError("a bar for a ratio needs another side")

    @property
    def _has_bar(self) -> bool:
        return self.at_least is not None or self.at_most is not None

    def figure(self, samples: Samples) -> float:
        """Return the median of the side's rounds."""
        return median(self._shown(samples[self.side]))

    def other(self, samples: Samples) -> float | None:
        """Return the median of the other side's rounds."""
        return None if self.against is None else median(self._shown(samples[self.against]))

    def ratio(self, samples: Samples) -> float | None:
        """Return the median of the ratios within a round, where a disturbance hits both sides."""
        if self.against is None:
            return None
        pairs = zip(
            self._shown(samples[self.side]), self._shown(samples[self.against]), strict=True
        )
        ratios = [one / other for one, other in pairs if other]
        return median(ratios) if ratios else None

    def judged(self, samples: Samples) -> float | None:
        """Return the value that the bar applies to."""
        return self.ratio(samples) if self.bar_for == "ratio" else self.figure(samples)

    def met(self, samples: Samples) -> bool | None:
        """Return whether the bar is met; None if there is no bar."""
        if not self._has_bar:
            return None
        value = self.judged(samples)
        if value is None:
            return False
        high_enough = self.at_least is None or value >= self.at_least
        return high_enough and (self.at_most is None or value <= self.at_most)

    def _shown(self, values: Sequence[float]) -> list[float]:
        if self.show == "rate":
            return [1 / value for value in values]
        return [value * 1e6 for value in values] if self.show == "cost" else list(values)


def extra_info(
    rows: Sequence[Row], *, units: Mapping[str, int] | None = None, measured: Samples | None = None
) -> dict[str, Any]:
    """Return what a benchmark reports besides times.

    `units` are those that each side does in a round; a side that is `measured` was not timed.
    """
    return {"rows": msgspec.to_builtins(rows), "units": units or {}, "measured": measured or {}}


def from_benchmark(info: Mapping[str, Any], data: Sequence[float]) -> tuple[list[Row], Samples]:
    """Return rows and samples from a benchmark's `extra_info` and the seconds of its rounds.

    In these the sides, if any were timed, took turns.
    """
    units = info["units"]
    timed = {
        name: [seconds / units[name] for seconds in data[at :: len(units)]]
        for at, name in enumerate(units)
    }
    return msgspec.convert(info["rows"], list[Row]), {**timed, **info["measured"]}


def spaced(number: float) -> str:
    """Return a whole number with spaces between its thousands."""
    return f"{number:,.0f}".replace(",", " ")


def shown(value: float | None) -> str:
    """Return a figure as text: three digits, or all of a whole number."""
    if value is None:
        return ""
    if value < 100:
        return f"{value:.3g}"
    return spaced(round(value, 3 - len(str(int(value)))))


def bar(row: Row) -> str:
    """Return a row's bar as text; empty if it has none."""
    if row.at_least is not None:
        return f"at least {shown(row.at_least)}"
    return f"at most {shown(row.at_most)}" if row.at_most is not None else ""


def line(row: Row, samples: Samples) -> str:
    """Return a row as a line for a terminal."""
    text = f"{row.what}: {shown(row.figure(samples))} {row.unit}"
    if row.against is not None:
        text += f", {row.against} {shown(row.other(samples))}, ratio {shown(row.ratio(samples))}"
    met = row.met(samples)
    return text if met is None else f"{text} ({bar(row)}: {'met' if met else 'MISSED'})"

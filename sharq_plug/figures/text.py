"""The two text formats of Prometheus, as far as they are needed here.

https://prometheus.io/docs/instrumenting/exposition_formats/ and, for OpenMetrics, the end of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from sharq_plug.figures.counted import Times

Kind = Literal["gauge", "counter", "histogram"]
PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text"
OPEN = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
END = "# EOF\n"
"""The last line of OpenMetrics."""


class Family(NamedTuple):
    """A metric: its name, without the `_total` of a counter, what it is, and its samples."""

    name: str
    kind: Kind
    about: str
    samples: Iterable[str]

    def lines(self, *, is_open: bool) -> str:
        """Return its text. OpenMetrics names a counter without the end of its samples."""
        name = f"{self.name}_total" if self.kind == "counter" and not is_open else self.name
        head = f"# HELP {name} {self.about}\n# TYPE {name} {self.kind}\n"
        return head + "".join(self.samples)


def accepts_openmetrics(accept: str) -> bool:
    """Return whether a client takes OpenMetrics, by its Accept header."""
    return any(part.split(";")[0].strip() == OPENMETRICS for part in accept.split(","))


def labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Return labels as they stand between the braces."""
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)
    )


def sample(name: str, labelled: str, value: float) -> str:
    """Return a sample as a line."""
    return f"{name}{{{labelled}}} {value!r}\n" if labelled else f"{name} {value!r}\n"


def histogram(
    name: str, label: str, bounds: Sequence[float], of_each: Mapping[str, Times]
) -> Iterator[str]:
    """Yield the samples of histograms, one for each value of a label."""
    ends = [f'le="{bound!r}"}} ' for bound in bounds] + ['le="+Inf"} ']
    for value, times in of_each.items():
        labelled = labels((label,), (value,))
        bucket = f"{name}_bucket{{{labelled},"
        counts = [*accumulate(times.counts)]
        for end, count in zip(ends, counts, strict=True):
            yield f"{bucket}{end}{count}\n"
        yield sample(f"{name}_count", labelled, counts[-1])
        yield sample(f"{name}_sum", labelled, times.seconds)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

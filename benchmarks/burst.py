"""Draw what a limit with a burst does: docs/limits.svg, from what the memory store gives.

`python -m benchmarks.burst` writes it anew.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.plots import COLORS, GREY, STYLE
from sharq_memory.store import MemoryStore
from sharq_plug.model import Limit, NewJob, PatchQueue, SettingsPatch, Take
from sharq_plug.testing import ManualClock

PLOT = Path(__file__).parents[1] / "docs" / "limits.svg"
MINUTE = 60_000
LIMIT = Limit(rate=2, per=MINUTE, burst=5)
ARRIVALS = {0: 12, 5 * MINUTE: 8}
"""Jobs that are enqueued at once, by the instant (ms)."""
END = 9 * MINUTE
STEP = 1000

Points = Sequence[tuple[float, float]]


async def deliveries() -> list[int]:
    """Return when (ms) a store delivers the jobs of a queue that a worker always waits for."""
    clock, delivered = ManualClock(), []
    began, number = clock.now(), 0
    async with MemoryStore(clock) as store:
        await store.configure("sms", [PatchQueue("acme", SettingsPatch(limits=(LIMIT,)))])
        for instant in range(0, END + 1, STEP):
            if instant in ARRIVALS:
                numbers = range(number, number + ARRIVALS[instant])
                jobs = [NewJob("acme", f"{n}", b"1", None) for n in numbers]
                await store.enqueue("sms", jobs)
                number += len(jobs)
            [got] = await store.dequeue("sms", [Take(100, lease_time=2 * END)])
            delivered += [got.now - began] * len(got.jobs)
            clock.advance(STEP)
    return delivered


def debts(delivered: Sequence[int]) -> Points:
    """Return the debt in jobs just before and just after each delivery, and when it is 0."""
    points, debt, last = [(0.0, 0.0)], 0.0, 0
    for instant in (*delivered, END):
        left = debt - (instant - last) * LIMIT.rate / LIMIT.per
        if left < 0:
            points.append((last + debt * LIMIT.per / LIMIT.rate, 0.0))
        debt, last = max(0.0, left), instant
        points.append((instant, debt))
        if instant < END:
            debt += 1
            points.append((instant, debt))
    return points


def draw(file: Path = PLOT) -> None:
    """Write the plot."""
    delivered = asyncio.run(deliveries())
    with mpl.rc_context(STYLE | {"svg.hashsalt": "burst"}):
        figure = Figure(figsize=(8, 5), facecolor="white", layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _draw_deliveries(above, delivered)
        _draw_debt(below, debts(delivered))
        figure.savefig(file, metadata={"Date": None})


def _draw_deliveries(axes: Axes, delivered: Sequence[int]) -> None:
    minutes = [instant / MINUTE for instant in delivered]
    counts = range(1, len(minutes) + 1)
    arrived, total = [(0.0, 0.0)], 0
    for instant, count in ARRIVALS.items():
        arrived += [(instant / MINUTE, total), (instant / MINUTE, total + count)]
        total += count
    arrived.append((END / MINUTE, total))
    axes.plot(*zip(*arrived, strict=True), color=GREY, label="jobs enqueued")
    axes.step([0, *minutes], [0, *counts], where="post", color=COLORS[0])
    axes.plot(minutes, counts, "o", color=COLORS[0], label="jobs delivered")
    axes.set(ylabel="jobs in total", yticks=range(0, total + 1, 5))
    axes.set_title(
        f"rate {LIMIT.rate}, per {LIMIT.per} ms, burst {LIMIT.burst}", loc="left", fontsize=10
    )
    _finish(axes, "lower right")


def _draw_debt(axes: Axes, points: Points) -> None:
    axes.plot(
        [instant / MINUTE for instant, _ in points],
        [debt for _, debt in points],
        color=COLORS[1],
        label="debt",
    )
    axes.axhline(LIMIT.burst - 1, color=COLORS[2], linestyle="--", label="burst - 1")
    axes.set(xlabel="minutes", ylabel="debt in jobs", ylim=(0, LIMIT.burst + 0.5))
    _finish(axes, "lower left")


def _finish(axes: Axes, legend: Literal["lower left", "lower right"]) -> None:
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, loc=legend)


if __name__ == "__main__":
    draw()

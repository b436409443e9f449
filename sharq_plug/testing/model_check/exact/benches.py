"""The shared limits of a type, the rows of queues that use them, and their entries in the line."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from msgspec import UNSET

from sharq_plug.model import Hold, HoldKind, LimitRules, PatchLimit, Settings, SettingsPatch, Use
from sharq_plug.testing.model_check.exact.holds import end_of
from sharq_plug.testing.model_check.exact.lives import Life, Names, Place, QueueFacts
from sharq_plug.testing.model_check.exact.shared import SharedFacts


@dataclass(slots=True)
class Benches:
    """Follow the shared limits of a type, and on whose bench each row of its `queues` stands.

    `entries` has the place in the line of each shared limit that has one. `settle` ends each step:
    it sets anew the entries of the shared limits that the step has changed, and of those on whose
    benches a row has come or gone, or has another first place.
    """

    queues: dict[str, QueueFacts]
    limits: dict[str, SharedFacts] = field(default_factory=dict)
    entries: dict[str, Place] = field(default_factory=dict)
    _benches: dict[Names, str] = field(default_factory=dict)
    _firsts: dict[Names, Place] = field(default_factory=dict)
    _changed: set[str] = field(default_factory=set)
    _held_before: dict[str, float] = field(default_factory=dict)

    def create(self, uses: Iterable[Use]) -> None:
        """Note that an enqueue creates those of these that are missing."""
        for name, limits in ((use.name, use.limits) for use in uses):
            if name not in self.limits:
                self.limits[name] = SharedFacts()
                self.limits[name].change(SettingsPatch(limits=limits), None, 0)

    def patch(self, change: PatchLimit, now: int) -> None:
        """Note a change of a shared limit, which is created if it is missing."""
        limit = self.limits.setdefault(change.name, SharedFacts())
        limit.change(change.patch, change.freeze, now)
        if change.remaining is not UNSET:
            limit.told(change.remaining, now)
        self._changed.add(change.name)
        self.settle(now)

    def rules(self, name: str, now: int) -> LimitRules:
        """Return what is set for a shared limit, empty settings if there is none."""
        limit = self.limits.get(name, SharedFacts())
        is_frozen = limit.frozen_until is not None and limit.frozen_until > now
        holds = limit.holds(len(self.leases(name)), now)
        return LimitRules(limit.settings, tuple(holds), limit.frozen_until if is_frozen else None)

    def is_used(self, name: str, defaults: Settings) -> bool:
        """Return whether something names a shared limit, where a type has these defaults."""
        named = any(name in queue.named for queue in self.queues.values())
        return named or name in (defaults.uses or ())

    def leases(self, name: str) -> list[Life]:
        """Return the jobs whose leases are charged to a shared limit, the first to end first."""
        lives = [life for queue in self.queues.values() for life in queue.lives.values()]
        charged = [life for life in lives if name in life.charged]
        return sorted(charged, key=lambda life: life.expires_at)

    def holds(self, names: Names, now: int) -> list[Hold]:
        """Return the holds at `now` (ms) of a queue that uses these: one for each closed one."""
        ends = [(name, end_of(self._holds(name, now))) for name in names]
        return [
            Hold(HoldKind.SHARED_LIMIT, None if end == inf else int(end), name=name)
            for name, end in ends
            if end is not None
        ]

    def named_holds(self, names: Names, now: int) -> Iterator[tuple[str, Hold]]:
        """Yield the holds at `now` (ms) of the shared limits of these names."""
        for name in names:
            yield from ((name, hold) for hold in self._holds(name, now))

    def held_until(self, names: Names, now: int) -> float:
        """Return when (ms) the last hold of these ends, `now` if none stands."""
        return max((end_of(self._holds(name, now)) or now for name in names), default=now)

    def opens(self, names: Names, first: int | None, now: int) -> tuple[float, float]:
        """Return the earliest and the latest instant (ms) at which these may be said to be open.

        `first` is when the first lease of the type ends.
        """
        earliest = latest = float(now)
        for name in names:
            ends = [life.expires_at for life in self.leases(name)]
            opens = self.limits[name].opens(ends, first, now)
            earliest, latest = max(earliest, opens[0]), max(latest, opens[1])
        return earliest, latest

    def charge(self, life: Life, names: Names, now: int) -> None:
        """Note that a lease of a job is given, which is charged to these."""
        life.charged = names
        self._changed.update(names)
        for name in names:
            self.limits[name].pay(life.extras.cost, now)

    def give_back(self, life: Life) -> None:
        """Note that the lease of a job ended, if it had one."""
        self._changed.update(life.charged)
        life.charged = ()

    def correct(self, life: Life, actual: Mapping[str, int], now: int) -> None:
        """Note at `now` (ms) what a leased job took."""
        for name in life.charged:
            self.limits[name].correct(life.extras.cost, actual, now)

    def settle(self, now: int) -> None:
        """Note the end of a step at `now` (ms)."""
        if not self.limits:
            return
        firsts: dict[Names, Place] = {}
        for queue in self.queues.values():
            if queue.row and queue.place is not None:
                firsts[queue.row] = min(firsts.get(queue.row, queue.place), queue.place)
        for names in {*firsts, *self._firsts}:
            if firsts.get(names) != self._firsts.get(names):
                self._changed.add(self._benches.setdefault(names, names[0]))
            if names not in firsts:
                del self._benches[names]
        self._firsts = firsts
        for name in self._changed:
            self._set_entry(name, now)
        self._changed.clear()

    def next_row(self, name: str, now: int) -> Place | None:
        """Return the first place of the first row of a shared limit whose entry is first in line.

        If the shared limit is closed, its entry is set anew; if another one of the row is, the row
        moves to the bench of that. Then return None.
        """
        self._changed.add(name)
        if not self._holds(name, now):
            rows = [names for names, bench in self._benches.items() if bench == name]
            row = min(rows, key=lambda names: self._firsts[names])
            closed = [other for other in row if self._holds(other, now)]
            if not closed:
                self._changed.clear()
                return self._firsts[row]
            self._benches[row] = closed[0]
            self._changed.add(closed[0])
        self.settle(now)
        return None

    def note_holds(self, now: int) -> None:
        """Note until when all are held, as it is before a call at `now` (ms)."""
        self._held_before = {name: self.held_until((name,), now) for name in self.limits}

    def opened(self, now: int) -> set[str]:
        """Return those that are held for less long than before the call."""
        before = self._held_before.items()
        return {
            name
            for name, held in before
            if name in self.limits and self.held_until((name,), now) < held
        }

    def in_rows(self) -> Sequence[QueueFacts]:
        """Return the queues that have a place in a row."""
        return [queue for queue in self.queues.values() if queue.row and queue.place is not None]

    def ready_at(self, queue: QueueFacts, now: int) -> float:
        """Return when (ms) a queue that has a place can go, inf if only an event lets it."""
        since = inf if queue.place is None else queue.place[0]
        return max(since, self.held_until(queue.row, now))

    def _holds(self, name: str, now: int) -> list[Hold]:
        return self.limits[name].holds(len(self.leases(name)), now)

    def _set_entry(self, name: str, now: int) -> None:
        firsts = [first for names, first in self._firsts.items() if self._benches[names] == name]
        since, number = min(firsts, default=(inf, 0))
        since = max(since, end_of(self._holds(name, now)) or 0)
        self.entries.pop(name, None)
        if since < inf:
            self.entries[name] = (since, number)

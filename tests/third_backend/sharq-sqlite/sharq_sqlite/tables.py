"""The tables as the verbs use them, within a transaction."""

import sqlite3
from dataclasses import astuple
from importlib.resources import files
from typing import Any

from sharq_plug.model import MINUTE, MinuteCounts, counted_minutes
from sharq_sqlite.queue import Queue

FORGETTABLE = {
    "queue": "waiting + leased = 0 AND last + interval",
    "receipt": "until + 1",
    "attempt": "until",
    "minute": f"epoch + {10 * MINUTE}",
}
"""A row of these tables may be deleted when this is not later than now."""


class Tables:
    """Read and write one database; create it if it does not exist."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(files("sharq_sqlite").joinpath("schema.sql").read_text())

    def run(self, statement: str, *values: object) -> sqlite3.Cursor:
        """Run a statement."""
        return self.db.execute(statement, values)

    def one(self, statement: str, *values: object) -> tuple[Any, ...] | None:
        """Return the first row of an answer."""
        row: tuple[Any, ...] | None = self.run(statement, *values).fetchone()
        return row

    def the(self, statement: str, *values: object) -> tuple[Any, ...]:
        """Return the first row of an answer that has one."""
        row = self.one(statement, *values)
        if row is None:
            raise sqlite3.IntegrityError(f"no row: {statement}")
        return row

    def next_number(self) -> int:
        """Return a number higher than all before."""
        [number] = self.the("UPDATE counter SET number = number + 1 RETURNING number")
        return int(number)

    def queue(self, queue_type: str, queue_id: str, now: int) -> Queue:
        """Return a queue, or a new one."""
        row = self.one("SELECT * FROM queue WHERE type = ? AND id = ?", queue_type, queue_id)
        queue = Queue(*row) if row else Queue(queue_type, queue_id)
        queue.bring_last_back(now)
        if not queue.exists and queue.allowed_at <= now:
            queue.last = None
        return queue

    def first_in_line(self, queue_type: str) -> Queue | None:
        """Return the queue with the lowest place."""
        row = self.one(
            "SELECT * FROM queue WHERE type = ? AND waiting > 0 "
            "ORDER BY ready_since, place LIMIT 1",
            queue_type,
        )
        return Queue(*row) if row else None

    def too_far_ahead(self, now: int, limit: int) -> list[Queue]:
        """Return queues whose places lie further ahead than their rates say, in their order.

        Only a clock that stepped back makes them.
        """
        late = "SELECT * FROM queue WHERE waiting > 0 AND "
        rows = self.db.execute(
            f"SELECT * FROM ({late} last > :now UNION "
            f"{late} ready_since > coalesce(last + interval, 0) AND ready_since > :now) "
            "ORDER BY ready_since, place LIMIT :limit",
            {"now": now, "limit": limit},
        )
        return [Queue(*row) for row in rows]

    def save(self, queue: Queue, now: int) -> None:
        """Write a queue; a queue that is gone, only while its rate is not paid off."""
        if queue.exists or queue.allowed_at > now:
            row = astuple(queue)
            self.run("INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)
        else:
            self.run("DELETE FROM queue WHERE type = ? AND id = ?", queue.type, queue.id)

    def count(self, queue: Queue, now: int, *, enqueues: int = 0, dequeues: int = 0) -> None:
        """Count for a queue, for its type and for everything."""
        epoch = now - now % MINUTE
        for scope in ((queue.type, queue.id), (queue.type, ""), ("", "")):
            self.run(
                "INSERT INTO minute VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "enqueues = enqueues + excluded.enqueues, dequeues = dequeues + excluded.dequeues",
                *(*scope, epoch, enqueues, dequeues),
            )

    def counts(self, queue_type: str, queue_id: str, now: int) -> MinuteCounts:
        """Return what a queue (empty: the type; both empty: everything) has counted."""
        minutes = counted_minutes(now)
        enqueues, dequeues = dict.fromkeys(minutes, 0), dict.fromkeys(minutes, 0)
        for epoch, enqueued, dequeued in self.run(
            "SELECT epoch, enqueues, dequeues FROM minute "
            "WHERE type = ? AND queue = ? AND epoch BETWEEN ? AND ?",
            *(queue_type, queue_id, minutes[0], minutes[-1]),
        ):
            enqueues[epoch], dequeues[epoch] = enqueued, dequeued
        return MinuteCounts(enqueues, dequeues)

    def forget(self, now: int, limit: int) -> bool:
        """Delete up to `limit` old rows of each table; return whether there may be more."""
        deleted = [
            self.run(
                f"DELETE FROM {table} WHERE rowid IN "
                f"(SELECT rowid FROM {table} WHERE {done_with} <= ? LIMIT ?)",
                *(now, limit),
            ).rowcount
            for table, done_with in FORGETTABLE.items()
        ]
        return max(deleted) == limit

    def names_after(self, cursor: str | None, limit: int, least: str, *values: str) -> list[str]:
        """Return up to `limit` names in order; the query `least` finds the next after a name."""
        names: list[str] = []
        name = cursor or ""
        while len(names) < limit:
            [following] = self.the(least, *values, name)
            if following is None:
                break
            names.append(name := following)
        return names

"""The journal: what the machine was before, and each call since then, in one SQLite database."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from sharq_memory.machine import Machine
from sharq_plug.model import (
    Amendment,
    Clear,
    LetterRange,
    NewJob,
    Retention,
    Setting,
    Settlement,
    Take,
)

VERSION = 2
"""Changes with the meaning of any record."""
SCHEMA = """
    CREATE TABLE IF NOT EXISTS state (row BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS call (
        number INTEGER PRIMARY KEY,
        verb TEXT NOT NULL,
        now INTEGER NOT NULL,
        items BLOB NOT NULL
    );
"""

ITEMS: dict[str, Any] = {
    "enqueue": tuple[str, list[NewJob]],
    "dequeue": tuple[str, list[Take], list[str]],
    "settle": tuple[str, list[Settlement]],
    "amend": tuple[str, list[Amendment]],
    "configure": tuple[str, list[Setting]],
    "redrive": tuple[str, LetterRange, int],
    "discard": tuple[str, LetterRange, int],
    "clear": tuple[str, Clear, str | None, int],
    "tend": tuple[int, Retention],
}
"""Of each verb that changes the machine, what a call of it is made of."""

_encode = msgspec.msgpack.Encoder().encode
_decoders = {verb: msgspec.msgpack.Decoder(items) for verb, items in ITEMS.items()}


class UnreadableJournal(Exception):
    """The database was written by another version, or is damaged."""


class Journal:
    """The calls of a machine, in order. What `write` returned from is on the disk.

    After `calls_kept` calls the machine is written whole, and the calls go.
    """

    def __init__(self, path: str, calls_kept: int) -> None:
        self._calls_kept = calls_kept
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(SCHEMA)
        [version] = self._db.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise UnreadableJournal(f"{path} has version {version}; this is {VERSION}")
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def read(self) -> Machine:
        """Return the machine as the last call left it; raise UnreadableJournal if it cannot be."""
        rows = self._db.execute("SELECT row FROM state ORDER BY rowid")
        calls = self._db.execute("SELECT verb, now, items FROM call ORDER BY number")
        try:
            machine = Machine.from_rows(msgspec.msgpack.decode(row) for [row] in rows)
            for verb, now, items in calls:
                apply(machine, verb, now, *_decoders[verb].decode(items))
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            raise UnreadableJournal(str(error)) from error
        machine.given.clear()
        return machine

    def write(self, machine: Machine, verb: str, now: int, *items: Any) -> None:
        """Add the call that was just made, or write `machine` whole if there are many."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            call = "INSERT INTO call (verb, now, items) VALUES (?, ?, ?)"
            added = self._db.execute(call, (verb, now, _encode(items)))
            if (added.lastrowid or 0) >= self._calls_kept:
                self._db.execute("DELETE FROM state")
                self._db.execute("DELETE FROM call")
                rows = ([_encode(row)] for row in machine.rows())
                self._db.executemany("INSERT INTO state VALUES (?)", rows)

    def probe(self) -> None:
        """Make sure that a call can be written; change nothing."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM call WHERE number < 0")


def apply(machine: Machine, verb: str, now: int, *items: Any) -> Any:
    """Make a call of the machine at the instant `now` (ms); return its answer."""
    if verb == "dequeue":
        queue_type, takes, tokens = items
        return machine.dequeue(queue_type, takes, now, iter(tokens))
    return getattr(machine, verb)(*items, now)


def drawn(tokens: Iterator[str], into: list[str]) -> Iterator[str]:
    """Yield `tokens`, and note each that is taken."""
    for token in tokens:
        into.append(token)
        yield token

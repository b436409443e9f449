"""Jobs as they are stored, and as lua/lib/showing.lua shows them."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sharq_plug.model import Hold, HoldKind, JobState, JobView

TIME_BYTES, TIME_END = 6, 2**45
"""How a job begins (lua/lib/bodies.lua): when it was enqueued, below what kind it is."""
TAILED = 2 * 32
"""The first byte of a job that has a tail, at least."""
TWO_VALUES, THREE_VALUES = b"\x92", b"\x93"
"""Headers of arrays in msgpack."""
NOT_FORESEEN = -1

_time = int.from_bytes


class Tail(msgspec.Struct):
    """What the tail of a job has for its worker, and for who looks at it."""

    p: int = 0
    c: dict[str, int] | list[None] | None = None
    h: dict[str, str] | list[None] | None = None
    a: int | None = None
    l: str | None = None  # noqa: E741  # as it is stored

    @property
    def cost(self) -> dict[str, int] | None:
        """The cost; Lua packs an empty map as a list."""
        return {} if isinstance(self.c, list) else self.c

    @property
    def headers(self) -> dict[str, str] | None:
        """The headers, likewise."""
        return {} if isinstance(self.h, list) else self.h


NO_TAIL = Tail()
_plain_header = msgspec.msgpack.Decoder(tuple[int, int]).decode
_job_header = msgspec.msgpack.Decoder(tuple[int, int, Tail]).decode


def enqueued_at(job: bytes) -> int:
    """Return when a job was enqueued."""
    return _time(job[:TIME_BYTES], "big") % TIME_END


def header(job: bytes, payload_at: int) -> tuple[int, Tail]:
    """Return how many requeues a job has left, and its tail (lua/lib/bodies.lua)."""
    values = job[TIME_BYTES : payload_at - 1]
    if job[0] < TAILED:
        requeues, _ = _plain_header(TWO_VALUES + values)
        return requeues, NO_TAIL
    requeues, _, tail = _job_header(THREE_VALUES + values)
    return requeues, tail


def job_shown(reply: Sequence[Any], *, payload: bool) -> JobView:
    """Return what is known of a job (lua/lib/showing.lua)."""
    name, attempts, due_at, expires_at, position, payload_at, raw, *rest = reply
    state = JobState(name.decode())
    begins_at, whole = rest if rest and state is JobState.DEAD else (payload_at, raw)
    held, earliest_at, of_type = (
        rest if rest and state is not JobState.DEAD else ((), NOT_FORESEEN, ())
    )
    requeues, tail = header(raw, payload_at)
    return JobView(
        state=state,
        attempt=attempts,
        requeues_remaining=requeues,
        enqueued_at=enqueued_at(raw),
        priority=tail.p,
        at=None if due_at < 0 else due_at,
        expires_at=None if expires_at < 0 else expires_at,
        position=None if position < 0 else position,
        last_error=tail.l,
        cost=tail.cost,
        headers=tail.headers,
        payload=whole[begins_at - 1 :] if payload else None,
        held_by=(*holds_of(held), *holds_of(of_type, of_type=True)),
        earliest_at=None if earliest_at < 0 else earliest_at,
    )


def holds_of(found: Iterable[Sequence[Any]], *, of_type: bool = False) -> tuple[Hold, ...]:
    """Return the holds that stand (lua/lib/holds.lua)."""
    return tuple(
        Hold(
            HoldKind(kind.decode()),
            None if int(until) < 0 else int(until),
            unit.decode() or None,
            of_type,
            name[0].decode() if name else None,
        )
        for kind, until, unit, *name in found
    )

"""What a store holds, to be compared before and after a request that was refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from support.http_client import Wire, request
from support.redis_server import RedisServer

TYPES = ("sms", "email", "default")
QUEUES = ("q1", "+44.2@q~")
LIMIT_NAMES = ("l1", "l+2")
PATHS = ("", *TYPES, *(f"{queue_type}/{queue}" for queue_type in TYPES for queue in QUEUES))


@dataclass(frozen=True)
class Snapshot:
    """What the API tells of a store, and what Redis has in keys that do not expire."""

    metrics: list[Mapping[str, object]]
    keys: list[object]


class Snapshots:
    """Look at a store through its metrics and, where it is Redis, into its keys."""

    def __init__(self, wire: Wire, redis: RedisServer | None, token: str | None = None) -> None:
        self._wire = wire
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._client: Any = None if redis is None else redis.client()

    def take(self) -> Snapshot:
        """Return all that a refused request must leave alone."""
        self._wire.send(
            b"".join(request("GET", f"/metrics/{path}", headers=self._headers) for path in PATHS)
        )
        return Snapshot([self._metrics() for _ in PATHS], self._digests())

    def _metrics(self) -> Mapping[str, object]:
        answer = self._wire.answer()
        assert answer is not None
        assert answer.status == 200
        return {name: _settled(value) for name, value in json.loads(answer.body).items()}

    def _digests(self) -> list[object]:
        if self._client is None:
            return []
        # A refused enqueue may leave a gap in the numbers of a type, which nobody sees.
        found = self._client.scan_iter(count=1000)
        keys = sorted(key for key in found if b"{" in key and b"/number/" not in key)
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.pttl(key)
        lasting = [key for key, rest in zip(keys, pipeline.execute(), strict=True) if rest == -1]
        return [*lasting, *self._client.execute_command("DEBUG", "DIGEST-VALUE", *lasting)]


def _settled(value: object) -> object:
    """Return a value without what changes by itself: the minutes of a count, the order of names."""
    if isinstance(value, dict):
        return sum(value.values())
    return sorted(value) if isinstance(value, list) else value

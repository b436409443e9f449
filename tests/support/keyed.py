"""A server in this process that asks for keys, and the tokens of some of them."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from sharq_plug.keys import KeysAuthenticator
from sharq_plug.keys.tokens import new_token
from sharq_plug.keys.writing import add_key
from sharq_plug.model import Scope
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing import ManualClock
from support.api import Served, serving

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ALL = list(Scope)
NOT_WORK = [scope for scope in Scope if scope is not Scope.WORK]
"""What a key that is narrowed by queue may have."""


@dataclass(frozen=True)
class House:
    """A server that asks for keys, the file of its keys, and the tokens of some of them."""

    served: Served
    path: Path
    authenticator: KeysAuthenticator
    tokens: dict[str, str]

    def add(self, key_id: str, scopes: Sequence[Scope], **fields: Any) -> None:
        self.tokens[key_id] = add_key(self.path, key_id, scopes=scopes, **fields)
        self.authenticator.refresh()

    async def ask(
        self, key_id: str | None, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Ask with a key, or with none."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key_id is not None:
            sent["Authorization"] = f"Bearer {self.tokens[key_id]}"
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return await self.served.client.request(method, path, content=content, headers=sent)


@asynccontextmanager
async def keyed(
    path: Path, open_backend: Callable[[], QueueStore] | None = None
) -> AsyncIterator[House]:
    """Serve with keys from a new file; without a backend from memory, where time stands still."""
    opened = open_backend or partial(open_store, "memory", clock=ManualClock())
    tokens = {"all": add_key(path, "all", scopes=ALL), "wrong": new_token("all")}
    authenticator = KeysAuthenticator(path)
    async with serving(opened, authenticator=authenticator) as served:
        house = House(served, path, authenticator, tokens)
        house.add("expired", ALL, expires=LONG_AGO)
        for scope in Scope:
            if scope is not Scope.READ_PAYLOADS:
                house.add(scope.value, [scope])
        house.add("read-payloads", [Scope.READ, Scope.READ_PAYLOADS])
        house.add("other-type", ALL, types=["other"])
        house.add("other-prefix", ALL, types=["other-*"])
        house.add("same-prefix", ALL, types=["sm*"])
        house.add("other-queue", NOT_WORK, queues=["other", "other-*"])
        house.add("same-queue", NOT_WORK, queues=["q*"])
        yield house

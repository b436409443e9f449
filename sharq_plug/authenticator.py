"""Authenticator, the abstract interface of what decides who may call.

The built-in one reads a file of keys (`sharq_plug.keys`). Others are plugins:
`sharq_plug.hookspecs` says how they are found.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from sharq_plug.model import Caller


class Authenticator(ABC):
    """Decide who may call. The server enters it with `async with` and asks it for each request."""

    async def __aenter__(self) -> Self:
        """Start what the authenticator needs."""
        return self

    async def __aexit__(  # noqa: B027  # most have nothing to stop
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""

    @abstractmethod
    async def authenticate(self, authorization: str) -> Caller | None:
        """Return who sent a header `Authorization`; None if it is nobody who may call now.

        `authorization` is the value of the header, as it came. Secrets are compared in constant
        time, and are in no log, error or return value. Whatever this raises is answered with 500.
        """

    def recall(self, authorization: str) -> Caller | None:  # noqa: ARG002  # for those that remember
        """Return who sent a header `Authorization`, if that is known at once; else None.

        A server asks this first, to spare callers that come again and again a step. Those whom it
        returns may call now, as if `authenticate` had returned them.
        """
        return None

    def callers(self, key_id: str) -> Sequence[Caller]:  # noqa: ARG002  # for those that have sessions
        """Return whom a session of a key may stand for now: a caller for each of its secrets.

        None, unless the authenticator has sessions. It is asked for each request with a session, so
        it must answer at once.
        """
        return ()

    @property
    def session_secret(self) -> bytes | None:
        """The secret that signs sessions, the same in all processes; None: there are none."""
        return None

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong at present, in a sentence each, without secrets. Operators are shown it."""
        return ()

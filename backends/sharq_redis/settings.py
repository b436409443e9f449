"""Settings as Redis keeps them: text that the verbs read too (lua/lib/rules.lua)."""

from typing import Self

import msgspec
from msgspec import Struct

from sharq_plug.errors import InvalidRequest, StoreUnavailable
from sharq_plug.model import Limit, Settings


class StoredSettings(Struct, frozen=True, omit_defaults=True):
    """What is set, under short names."""

    l: tuple[tuple[int, int, int, str], ...] | None = None  # noqa: E741  # as it is stored
    c: int | None = None
    w: int | None = None
    m: int | None = None
    p: bool = False
    u: tuple[str, ...] | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what is stored of settings."""
        limits = settings.limits
        return cls(
            l=None if limits is None else tuple(map(msgspec.structs.astuple, limits)),
            c=settings.concurrency,
            w=settings.weight,
            m=settings.max_length,
            p=settings.paused,
            u=settings.uses,
        )

    def settings(self) -> Settings:
        """Return the settings."""
        return Settings(
            limits=None if self.l is None else tuple(Limit(*limit) for limit in self.l),
            concurrency=self.c,
            weight=self.w,
            max_length=self.m,
            paused=self.p,
            uses=self.u,
        )


NOTHING = StoredSettings()
DAMAGED = "Settings are damaged in the store."
_read = msgspec.json.Decoder(StoredSettings).decode


def text_of(settings: Settings) -> str:
    """Return settings as they are stored, '' if nothing is set."""
    stored = StoredSettings.of(settings)
    return "" if stored == NOTHING else msgspec.json.encode(stored).decode()


def settings_in(text: bytes) -> Settings:
    """Return the settings in a stored text. Raises StoreUnavailable where no server wrote it.

    The verbs refuse most of such texts, but not all: they read numbers with a fraction of 0.
    """
    try:
        return _read(text.decode() or "{}").settings()
    except (ValueError, InvalidRequest) as error:
        raise StoreUnavailable(f"{DAMAGED} {error}: {text!r}", public=DAMAGED) from error

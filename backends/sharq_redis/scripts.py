"""The Lua scripts as Redis knows them: a text and the digest it is called by."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Self


@dataclass(frozen=True, slots=True)
class Script:
    """One verb's script with the shared prelude in it."""

    text: str
    sha: str


@dataclass(frozen=True, slots=True)
class Scripts:
    """Every verb's script, by its file's name."""

    enqueue: Script
    dequeue: Script
    finish: Script
    release: Script
    reclaim: Script
    set_interval: Script
    clear: Script
    queue_metrics: Script
    check: Script
    room: Script

    @classmethod
    def load(cls) -> Self:
        """Read the scripts that came with this package."""
        folder = files("sharq_redis") / "lua"
        prelude = (folder / "prelude.lua").read_text("utf-8")

        def script(verb: str) -> Script:
            # Redis reads a script's flags off its first line, so that one stays ahead.
            flags, body = (folder / f"{verb}.lua").read_text("utf-8").split("\n", 1)
            text = f"{flags}\n{prelude}\n{body}"
            return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

        return cls(**{verb: script(verb) for verb in cls.__dataclass_fields__})

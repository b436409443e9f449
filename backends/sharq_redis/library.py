"""The verbs in Lua, as a function library and as scripts.

Each file of `lua/lib` is one idea, each of `lua/verbs` one verb: a table with a function `run` and
its `flags`. Together they are one library for FUNCTION LOAD. Functions are global to a server, so
the library and every function carry the digest of the text: servers of two versions share a Redis
while one replaces the other. Where a library cannot be loaded, each verb runs as a script made of
the same files.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

IDEAS = (
    *("instant", "scope", "writes", "totals", "records", "queues", "tombstones", "types", "left"),
    *("limits", "rules", "holds", "limiter", "terms", "line", "counts"),
    *(
        "bodies",
        "waiting",
        "keys",
        "leases",
        "expiring",
        "receipts",
        "dead",
        "letters",
        "times",
        "delays",
    ),
    *(
        "paging",
        "gate",
        "shared",
        "rows",
        "row_writes",
        "benches",
        "using",
        "charging",
        "naming",
        "tails",
        "walking",
        "defaults",
        "ttls",
        "deliveries",
        "attempts",
        "wakeups",
        "step",
        "returning",
    ),
    *("expiry", "choosing"),
    *("redriving", "removing", "ageing", "discarding", "emptying", "clearing"),
    *("entries", "pages", "serving"),
    *("states", "foresight", "showing", "overdue", "readiness", "views"),
)
"""The files of `lua/lib`, each after those it needs at its beginning."""
VERBS = (
    *(
        "enqueue",
        "dequeue",
        "settle",
        "amend",
        "redrive",
        "find",
        "configure",
        "clear",
        "tend",
        "realign",
        "spread",
        "look",
        "list_queues",
        "list_overdue",
        "list_jobs",
        "list_letters",
        "list_limits",
        "count_ready",
    ),
    *("clock", "check", "room"),
)

NAME_PREFIX = "sharq_"
DIGEST_LENGTH = 12

_constant = re.compile(r"^local ((?:[A-Z_]+, )*[A-Z_]+) = ([-\d^, ]*\d)\s*(?:--.*)?$", re.MULTILINE)
_text_or_name = re.compile(r"'[^'\n]*'|\b[A-Z_]+\b")
_flags = re.compile(r"^local (\w+) = \{flags = \{(.*)\}\}$", re.MULTILINE).search


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: the function's name, and the script that does the same."""

    function: str
    script: str
    sha: str


@dataclass(frozen=True, slots=True)
class Library:
    """The text for FUNCTION LOAD, and each verb by its name."""

    name: str
    text: str
    verbs: Mapping[str, Verb]

    @classmethod
    @cache
    def load(cls) -> Self:
        """Return the library of the files that came with this package. It is made once."""
        return cls.of(*texts())

    @classmethod
    def of(cls, ideas: str, verbs: Mapping[str, str]) -> Self:
        """Make a library of the text of the ideas and of each verb."""
        constants = _constants(ideas)
        ideas = _with_values(ideas, constants)
        verbs = {verb: _with_values(text, constants) for verb, text in verbs.items()}
        digest = _digest("\n".join((ideas, *verbs.values())))[:DIGEST_LENGTH]
        name = f"{NAME_PREFIX}{digest}"
        parts = [f"#!lua name={name}", ideas]
        made = {}
        for verb, text in verbs.items():
            function = f"{name}_{verb}"
            table, flags = _table_and_flags(verb, text)
            parts += [
                text,
                _registration(function, table, flags),
            ]
            script = "\n".join((_shebang(flags), ideas, text, f"return {table}.run(KEYS, ARGV)"))
            made[verb] = Verb(function, script, _digest(script))
        return cls(name, "\n".join(parts), made)


def texts() -> tuple[str, dict[str, str]]:
    """Return the text of all ideas, and that of each verb."""
    folder = files("sharq_redis") / "lua"
    ideas = [(folder / "lib" / f"{idea}.lua").read_text("utf-8") for idea in IDEAS]
    verbs = {verb: (folder / "verbs" / f"{verb}.lua").read_text("utf-8") for verb in VERBS}
    return "\n".join(ideas), verbs


def _constants(ideas: str) -> dict[str, str]:
    """Return the numbers that files declare outside of any function, by their names."""
    return {
        name: f"({value})"
        for names, values in _constant.findall(ideas)
        for name, value in zip(names.split(", "), values.split(", "), strict=True)
    }


def _with_values(text: str, constants: Mapping[str, str]) -> str:
    """Write numbers in place of their names: Lua would look each up whenever it is used."""
    text = _constant.sub("", text)
    return _text_or_name.sub(lambda found: constants.get(found[0], found[0]), text)


def _table_and_flags(verb: str, text: str) -> tuple[str, str]:
    found = _flags(text)
    if found is None:
        raise ValueError(f"the verb {verb} declares no table with its flags")
    return found.group(1), found.group(2)


def _registration(function: str, table: str, flags: str) -> str:
    fields = f"function_name = '{function}', callback = {table}.run, flags = {{{flags}}}"
    return f"redis.register_function{{{fields}}}"


def _shebang(flags: str) -> str:
    names = flags.replace("'", "").replace(" ", "")
    return f"#!lua flags={names}" if names else "#!lua"


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

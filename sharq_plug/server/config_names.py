"""Unknown sections and environment variables, and what their authors probably meant."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from sharq_plug.errors import ConfigError

CONFIG_VARIABLE = "SHARQ_CONFIG"
"""The environment variable that names the file when no flag does."""
QUEUE_SECTION = "sharq"
SERVER_SECTION = "sharq-server"

PREFIX = "SHARQ_"
FOR_TESTS = ("SHARQ_TEST_", "SHARQ_MODEL_", "SHARQ_FAULTS_", "SHARQ_HOSTILE_")
"""The prefix of variables that this project's tests read."""
LIKE_A_SECTION = 0.6
LIKE_A_KEY = 0.7
LIKE_A_VARIABLE = 0.8
"""The difflib ratio from which one name counts as a misspelling of the other."""

_is_of_a_platform = re.compile(
    r"\w+_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?|ENV_\w+)"
).fullmatch
"""Kubernetes sets these for each service, Docker for each linked container."""
_is_address = re.compile(r"(?:tcp|udp|sctp)://").match


def variable(section: str, key: str) -> str:
    """Return the name of the environment variable for a key of the file."""
    return f"{_prefix(section)}{_in_capitals(key)}"


def check_sections(path: Path, found: Iterable[str], known: Iterable[str]) -> None:
    """Raise ConfigError for the first unknown section of a file."""
    by_likeness = {_simplified(name): name for name in known}
    for section in found:
        if section not in by_likeness.values():
            like = get_close_matches(_simplified(section), by_likeness, 1, LIKE_A_SECTION)
            all_known = ", ".join(f"[{name}]" for name in by_likeness.values())
            hint = f"did you mean [{by_likeness[like[0]]}]?" if like else f"known: {all_known}"
            raise ConfigError(f"{path}: [{section}]: there is no such section; {hint}")


def strange_variables(
    environ: Mapping[str, str], keys: Mapping[str, Iterable[str]], others: Iterable[str]
) -> list[str]:
    """Return a sentence for each variable that looks like ours and has no effect.

    `keys` are those of each section that is read; `others` are sections that are not. No sentence
    shows a value: it may be secret.
    """
    known = {variable(section, key): key for section, every in keys.items() for key in every}
    known[CONFIG_VARIABLE] = ""
    left_alone = (*map(_prefix, others), *FOR_TESTS)
    sentences = []
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in known or name.startswith(left_alone):
            continue
        if not _is_set_by_a_platform(name, text):
            meant = _meant_variable(name, known, keys)
            hint = f"; did you mean {meant}?" if meant else ""
            sentences.append(f"the variable {name} has no effect: there is no such key{hint}")
    return sentences


def _is_set_by_a_platform(name: str, text: str) -> bool:
    if _is_of_a_platform(name) is not None:
        return True
    if name.endswith("_PORT"):
        return _is_address(text) is not None
    return name.endswith("_NAME") and text.startswith("/")


def _meant_variable(name: str, known: Mapping[str, str], sections: Iterable[str]) -> str | None:
    """Return the variable that was probably meant: the key in another section, or a similar one."""
    prefix = max((s for s in map(_prefix, sections) if name.startswith(s)), key=len, default=PREFIX)
    named = name.removeprefix(prefix)
    for candidate, key in known.items():
        if _in_capitals(key) == named:
            return candidate
    siblings = [other.removeprefix(prefix) for other in known if other.startswith(prefix)]
    like = get_close_matches(named, siblings, 1, LIKE_A_KEY)
    if like:
        return f"{prefix}{like[0]}"
    endings = [other.removeprefix(PREFIX) for other in known]
    like = get_close_matches(name.removeprefix(PREFIX), endings, 1, LIKE_A_VARIABLE)
    return f"{PREFIX}{like[0]}" if like else None


def _prefix(section: str) -> str:
    named = {QUEUE_SECTION: "sharq", SERVER_SECTION: "sharq_server"}
    return _in_capitals(named.get(section, f"sharq_{section}") + "_")


def _in_capitals(name: str) -> str:
    return re.sub(r"\W", "_", name, flags=re.ASCII).upper()


def _simplified(section: str) -> str:
    return section.strip().lower().replace("_", "-")

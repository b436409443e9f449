"""The curl lines of a page: each is sent, and must give what the page shows below it.

`...` in an answer stands for any text.
"""

import json
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from support.readme import ADDRESS, blocks

INSTANTS = (
    "at|died_at|earliest_at|enqueued_at|expires_at|frozen_until|next_ready_at|now|opens_at|"
    "ready_since|until"
)


@dataclass(frozen=True, slots=True)
class Example:
    """A curl line of a page, and what stands below it."""

    line: str
    status: int
    answer: str

    def __str__(self) -> str:
        return self.line


def examples(page: str) -> Iterator[Example | float]:
    """Yield the curl lines of a page, and the seconds to sleep between them."""
    lines = [line for code in blocks("sh", page) for line in code.splitlines() if line]
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("curl "):
            found = re.fullmatch(r"# (\d{3}) (.*)", below)
            assert found, f"no answer below {line}"
            yield Example(line, int(found[1]), found[2])
        elif line.startswith("sleep "):
            yield float(line.removeprefix("sleep "))


def curl(line: str, url: str) -> httpx.Response:
    """Send what curl would send."""
    _, *arguments = shlex.split(line.replace(ADDRESS, url))
    address, method, data = "", None, None
    headers = {}
    while arguments:
        match arguments.pop(0):
            case "-X":
                method = arguments.pop(0)
            case "-d":
                data = arguments.pop(0)
            case "-H":
                name, _, value = arguments.pop(0).partition(": ")
                headers[name] = value
            case argument:
                assert argument.startswith(url), f"unknown to this test: {argument}"
                address = argument
    if data:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return httpx.request(
        method or ("POST" if data else "GET"), address, content=data, headers=headers
    )


def lasting(body: str) -> str:
    """Return a body without what differs from run to run: tokens, cursors, instants, minutes."""
    body = re.sub(r'"(lease|cursor)":"[^"]*"', r'"\1":"…"', body)
    body = re.sub(rf'"({INSTANTS})":\d+', r'"\1":…', body)
    return re.sub(r'(?<=_counts":)\{[^}]*\}', lambda found: str(total(found[0])), body)


def is_shown(body: str, shown: str) -> bool:
    """Return whether a page shows a body, but for what differs from run to run."""
    pattern = re.escape(lasting(shown)).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, lasting(body), re.DOTALL) is not None


def total(counts: str) -> int:
    return sum(json.loads(counts).values())


def check_curl_lines(page: str, url: str) -> None:
    """Send the curl lines of a page to a server, in order."""
    lease = ""
    for example in examples(page):
        if isinstance(example, float):
            time.sleep(example)
            continue
        answer = curl(example.line.replace("LEASE", lease), url)
        assert answer.status_code == example.status, example
        assert is_shown(answer.text, example.answer), f"{example}\n{answer.text}"
        lease = answer.json().get("lease", lease)

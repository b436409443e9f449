"""docs/sharq.md, request by request: what it says of this server is what this server does."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from support.api import Call, enqueue, send

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "sharq.md"
J1_WAITS: list[Call] = [enqueue("j1", "sms/acme")]
GIVEN: Mapping[str, Sequence[Call]] = {
    "nothing waits": [],
    "j1 waits": J1_WAITS,
    "j1 is leased": [*J1_WAITS, ("GET", "/dequeue/sms/", None)],
    "five jobs wait": [enqueue(f"w{number}", "sms/acme") for number in range(5)],
}
BODIES = {"*no body*": b"", "*the byte FF*": b"\xff"}

heading = re.compile(
    r"(?:`(?P<method>[A-Z]+) (?P<path>\S+)`|Of .+), (?P<given>[^,]+?)(?P<fields>, with `.+` and)?:"
)


@dataclass(frozen=True)
class Row:
    """A line of a table: a request, and what became of it there and here."""

    line: str
    given: str
    method: str
    path: str
    body: bytes
    sharq: str
    here: str
    why: str


def rows() -> Iterator[Row]:
    """Yield the rows of the tables that stand below a heading that says what is sent."""
    found: re.Match[str] | None = None
    text = PAGE.read_text("utf-8").partition("## Request by request")[2]
    for line in text.splitlines():
        if not line.startswith("|"):
            found = heading.fullmatch(line) or (found if not line else None)
        elif found and not line.startswith(("| body", "| field", "| request", "|---")):
            what, sharq, here, why = (cell.strip() for cell in line.strip("|").split(" |"))
            method, path, body = sent(found, what)
            yield Row(line, found["given"], method, path, body, sharq, here, why)


def sent(found: re.Match[str], what: str) -> tuple[str, str, bytes]:
    """Return method, path and body of a row."""
    if not found["method"]:
        method, path = what.strip("`").split(" ")
        return method, path, b""
    if found["fields"]:
        return found["method"], found["path"], job(what)
    body = BODIES[what] if what in BODIES else what.strip("`").encode()
    return found["method"], found["path"], body


def job(what: str) -> bytes:
    """Return a job with a field more, another, or less."""
    fields = {"job_id": '"j2"', "interval": "0", "payload": "{}"}
    if what.startswith("*no* "):
        del fields[what.removeprefix("*no* ").strip("`")]
    elif what != "*nothing else*":
        name, _, value = what.strip("`").partition(": ")
        fields[name.strip('"')] = value
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}").encode()


ROWS = list(rows())


def test_every_table_of_requests_is_read() -> None:
    tables = {(row.method, row.path, row.given) for row in ROWS}
    assert len(tables) > 30
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.count(" |") == 4]
    headers = [line for line in lines if line.endswith("| SharQ | here | |")]
    assert len(ROWS) == len(lines) - len(headers)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method}_{row.line[2:60]}")
@pytest.mark.parametrize("backend", ["memory"], indirect=True)
async def test_a_request_is_answered_as_the_table_says(client: httpx.AsyncClient, row: Row) -> None:
    for call in GIVEN[row.given]:
        assert (await send(client, call)).status_code < 300
    response = await client.request(
        row.method, "/", content=row.body, extensions={"target": row.path.encode()}
    )
    status, _, effect = row.here.partition(", ")
    assert response.status_code == int(status)
    if row.method == "HEAD":
        return
    answer = response.json()
    if status == "400":
        assert answer["message"]
    if status == "201":
        assert ("current_queue_length" in answer) == (effect == "counted")
    if row.path.startswith("/deletequeue") and status == "200":
        assert answer["status"] == "Success"
        assert ("purged" in answer["message"]) == (effect == "purges")
    if row.path.startswith("/finish"):
        metrics = (await client.get("/metrics/sms/acme/")).json()
        assert metrics["leased"] == (row.given == "j1 is leased" and status != "200")


def test_what_sharq_accepts_has_the_same_effect_or_a_reason() -> None:
    accepted = [row for row in ROWS if row.sharq != "refused"]
    assert len(accepted) > len(ROWS) / 3
    for row in accepted:
        assert row.sharq == row.here or row.why, row.line

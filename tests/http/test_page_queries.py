"""The query options of looks and listings: at their bounds, and past them."""

from urllib.parse import quote

import httpx
import pytest

from support.api import enqueue, invalid, send
from support.operators import let_die, seen

pytestmark = pytest.mark.anyio

LISTINGS = {
    "/types/": "types",
    "/queues/sms/": "queues",
    "/queues/sms/?sort=overdue": "queues",
    "/queues/sms/?sort=waiting": "queues",
    "/limits/sms/": "limits",
    "/jobs/sms/q/": "jobs",
    "/jobs/sms/q/?state=dead&payload=1": "jobs",
    "/deadletters/sms/": "letters",
    "/deadletters/sms/q/": "letters",
}
"""Listings, and the names of their items."""
BAD_CURSORS = ["", "?", "a b", "{}", "a/b", "\x00", "é", "~" * 4000]


async def refused(client: httpx.AsyncClient, path: str, asked: str) -> str:
    """Ask for what must be refused; return the message."""
    response = await client.get(f"{path}{'&' if '?' in path else '?'}{asked}")
    answer = response.json()
    assert (asked, response.status_code, answer.get("error")) == (asked, 400, "invalid")
    return str(answer["message"])


@pytest.mark.parametrize("path", LISTINGS)
async def test_a_limit_is_from_1_to_1000(client: httpx.AsyncClient, path: str) -> None:
    for limit in ("0", "-1", "1001", "", "1.0", "1e1", "%2B1", "ten", "9" * 20, "\u0661"):
        assert await refused(client, path, f"limit={quote(limit, safe='%')}") == invalid("limit")
    for limit in ("1", "1000", "01", "%31"):
        response = await client.get(f"{path}{'&' if '?' in path else '?'}limit={limit}")
        assert (limit, response.status_code) == (limit, 200)


@pytest.mark.parametrize("path", LISTINGS)
async def test_a_made_up_cursor_is_refused(client: httpx.AsyncClient, path: str) -> None:
    await let_die(client, "dead")
    for number in range(3):
        await send(client, enqueue(f"j{number}"))
    for cursor in BAD_CURSORS:
        assert await refused(client, path, f"cursor={quote(cursor)}") == invalid("cursor"), cursor


@pytest.mark.parametrize("path", LISTINGS)
async def test_repeated_options_are_refused_and_unknown_ones_ignored(
    client: httpx.AsyncClient, path: str
) -> None:
    message = await refused(client, path, "limit=1&x=1&%6Cimit=1")
    assert message == "`limit` is given more than once."
    response = await client.get(f"{path}{'&' if '?' in path else '?'}limits=0&_=17&&=&x")
    assert response.json().keys() == {"status", LISTINGS[path], "cursor"}


@pytest.mark.parametrize(
    ("path", "asked", "message"),
    [
        ("/jobs/sms/q/", "state=alive", invalid("state")),
        ("/jobs/sms/q/", "state=", invalid("state")),
        ("/jobs/sms/q/", "state=Dead", invalid("state")),
        ("/jobs/sms/q/", "state=waiting,dead", invalid("state")),
        ("/jobs/sms/q/", "payload=yes", "`payload` must be 0 or 1."),
        ("/queues/sms/", "sort=age", invalid("sort")),
        ("/queues/sms/", "sort=", invalid("sort")),
        ("/queues/sms/", "prefix=a%20b", invalid("prefix")),
        ("/queues/sms/", f"prefix={'a' * 101}", invalid("prefix")),
        ("/queues/sms/", "prefix=%C3%A9", invalid("prefix")),
        ("/queues/sms/", "prefix=%FF", invalid("prefix")),
        ("/queues/sms/", "prefix=*", invalid("prefix")),
        ("/queues/sms/", f"prefix={'.' * 100}", invalid("prefix")),
        ("/queues/sms/", "prefix=a&sort=overdue", "`prefix` and `sort` exclude each other."),
        ("/queues/sms/", "prefix=a&sort=waiting", "`prefix` and `sort` exclude each other."),
        ("/queues/sms/", "cursor=0&sort=waiting", invalid("cursor")),
    ],
)
async def test_a_bad_value_is_refused(
    client: httpx.AsyncClient, path: str, asked: str, message: str
) -> None:
    assert await refused(client, path, asked) == message


async def test_values_are_percent_decoded_and_a_plus_is_a_plus(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", "sms/+44"))
    for prefix in ("+4", "%2B4", "%2b%34", "%2B44"):
        found = await seen(client, f"/queues/sms/?prefix={prefix}")
        assert [queue["queue_id"] for queue in found["queues"]] == ["+44"]
    assert len((await seen(client, "/jobs/sms/+44/?st%61te=%77aiting"))["jobs"]) == 1
    assert "payload" in await seen(client, "/job/sms/+44/j1/?payload=%31")


async def test_a_prefix_may_be_any_beginning_of_a_name(client: httpx.AsyncClient) -> None:
    await send(client, enqueue("j1", "sms/..a"))
    for prefix, count in {"": 1, ".": 1, "..": 1, "..a": 1, "...": 0, "z" * 100: 0}.items():
        found = await seen(client, f"/queues/sms/?prefix={prefix}")
        assert len(found["queues"]) == count, prefix


@pytest.mark.parametrize("path", [*LISTINGS, "/queue/sms/q/", "/type/sms/"])
async def test_head_gets_the_head_alone(client: httpx.AsyncClient, path: str) -> None:
    response = await client.head(path)
    assert (response.status_code, response.content) == (200, b"")

"""Listings show a narrowed key what it may use, page by page, and nothing of the rest."""

import base64
import binascii
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sharq_plug.model import Scope
from sharq_plug.plugins import open_store
from support.keyed import House, keyed

pytestmark = pytest.mark.anyio

MANY = 120


@pytest.fixture(params=["memory", "redis"])
async def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """A server with jobs in many queues and types, every tenth of which a key may use."""
    name = str(request.param)
    options = {"url": request.getfixturevalue("redis_url")} if name == "redis" else {}
    async with keyed(tmp_path / "keys.toml", partial(open_store, name, options)) as house:
        house.add("mine", [Scope.READ], queues=["mine-*"])
        house.add("types", [Scope.READ], types=["mine-*"])
        jobs = [
            {"job_id": f"{name}.{n}", "queue_id": name, "interval": 0, "payload": 1}
            for number in range(MANY)
            for name in [named(number)]
            for n in range(1 + number % 3)
        ]
        made = await house.ask("all", "POST", "/enqueue/sms/", {"jobs": jobs})
        assert {result["code"] for result in made.json()["results"]} == {201}
        for number in range(MANY):
            one = {"job_id": "j", "interval": 0, "payload": 1}
            await house.ask("all", "POST", f"/enqueue/{named(number)}/q/", one)
        yield house


def named(number: int) -> str:
    return f"{'mine' if number % 10 == 7 else 'secret'}-{number:03}"


MINE = [named(number) for number in range(MANY) if number % 10 == 7]


async def walk(house: House, key_id: str, path: str, title: str, limit: int) -> list[Any]:
    """Return all items of a listing, page by page; make sure that no page tells of others."""
    items: list[Any] = []
    cursor, mark = None, "&" if "?" in path else "?"
    while True:
        asked = f"{path}{mark}limit={limit}" + (f"&cursor={cursor}" if cursor else "")
        response = await house.ask(key_id, "GET", asked)
        assert response.status_code == 200, response.text
        assert "secret" not in response.text
        page = response.json()
        assert len(page[title]) <= limit or "sort" in path
        items += page[title]
        cursor = page["cursor"]
        if cursor is None:
            return items
        assert len(page[title]) == limit or "sort" in path
        assert b"secret" not in decoded(cursor)


def decoded(cursor: str) -> bytes:
    """Return a cursor, and each part of it decoded, in case it is base64."""
    found = [cursor.encode()]
    for part in re.split(r"[.:~]", cursor):
        with suppress(ValueError):
            found.append(bytes.fromhex(part))
        with suppress(binascii.Error):
            found.append(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return b"|".join(found)


@pytest.mark.parametrize("limit", [1, 2, 5, len(MINE), 100, 1000])
async def test_pages_show_the_queues_and_types_of_a_key(crowd: House, limit: int) -> None:
    queues = await walk(crowd, "mine", "/queues/sms/", "queues", limit)
    assert sorted(view["queue_id"] for view in queues) == MINE
    types = await walk(crowd, "types", "/types/", "types", limit)
    assert sorted(view["queue_type"] for view in types) == MINE
    prefixed = await walk(crowd, "mine", "/queues/sms/?prefix=mine-0", "queues", limit)
    assert sorted(view["queue_id"] for view in prefixed) == [m for m in MINE if "-0" in m]
    assert await walk(crowd, "mine", "/queues/sms/?prefix=secret", "queues", limit) == []


async def test_orders_show_the_queues_of_a_key(crowd: House) -> None:
    overdue = await walk(crowd, "mine", "/queues/sms/?sort=overdue", "queues", 3)
    assert sorted(view["queue_id"] for view in overdue) == MINE
    response = await crowd.ask("mine", "GET", "/queues/sms/?sort=waiting&limit=5")
    longest = response.json()["queues"]
    assert [view["waiting"] for view in longest] == [3] * 4 + [2]
    assert all(view["queue_id"] in MINE for view in longest)


async def test_a_type_listing_is_refused_to_a_key_of_some_queues(crowd: House) -> None:
    for path in ("/types/", "/metrics/", "/metrics/sms/", "/type/sms/"):
        assert (await crowd.ask("mine", "GET", path)).status_code == 403


async def test_a_bad_limit_and_a_bad_cursor_are_told(crowd: House) -> None:
    for query in ("limit=0", "limit=1001", "cursor=nonsense"):
        for key_id, path in (("mine", "/queues/sms/"), ("types", "/types/")):
            response = await crowd.ask(key_id, "GET", f"{path}?{query}")
            assert response.status_code == 400


async def test_dead_letters_show_those_of_the_queues_of_a_key(crowd: House) -> None:
    taken = (await crowd.ask("all", "GET", f"/dequeue/sms/?count={MANY * 3}")).json()["jobs"]
    ends = [
        {"queue_id": job["queue_id"], "job_id": job["job_id"], "lease": job["lease"], "dead": True}
        for job in taken
    ]
    done = await crowd.ask("all", "POST", "/fail/sms/", {"jobs": ends})
    assert {result["code"] for result in done.json()["results"]} == {200}
    seen: set[str] = set()
    cursor = None
    while True:
        path = "/deadletters/sms/?limit=50" + (f"&cursor={cursor}" if cursor else "")
        response = await crowd.ask("mine", "GET", path)
        assert "secret" not in response.text
        seen |= {letter["queue_id"] for letter in response.json()["letters"]}
        cursor = response.json()["cursor"]
        if cursor is None:
            break
        assert b"secret" not in decoded(cursor)
    assert sorted(seen) == MINE


async def test_a_scrape_shows_only_types_that_a_key_may_use(crowd: House) -> None:
    response = await crowd.ask("types", "GET", "/-/metrics")
    found = set(re.findall(r'queue_type="([^"]*)"', response.text))
    assert found == set(MINE)
    assert "sharq_store_up 1\n" in response.text
    everything = await crowd.ask("all", "GET", "/-/metrics")
    assert set(re.findall(r'queue_type="([^"]*)"', everything.text)) > found

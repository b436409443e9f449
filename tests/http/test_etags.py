"""`ETag` and `If-Match`: settings are changed only as they were seen."""

import httpx
import pytest

from support.api import enqueue, send
from support.operators import seen

pytestmark = pytest.mark.anyio
ON_MEMORY = pytest.mark.parametrize("backend", ["memory"], indirect=True)

QUEUE = "/queue/sms/q/"
CHANGED = {
    "status": "failure",
    "message": "The settings have changed: look at them again.",
    "error": "settings_changed",
}


async def change(
    client: httpx.AsyncClient, weight: int | None, if_match: str, path: str = QUEUE
) -> httpx.Response:
    return await client.patch(path, json={"weight": weight}, headers={"If-Match": if_match})


async def test_of_two_who_saw_the_same_the_first_wins(client: httpx.AsyncClient) -> None:
    tag = (await client.get(QUEUE)).headers["etag"]
    first = await change(client, 2, tag)
    assert first.status_code == 200
    second = await change(client, 3, tag)
    assert (second.status_code, second.json()) == (412, CHANGED)
    assert (await seen(client, QUEUE))["settings"] == {"weight": 2}
    assert (await change(client, 3, first.headers["etag"])).status_code == 200


async def test_a_change_that_is_refused_does_not_freeze_either(client: httpx.AsyncClient) -> None:
    headers = {"If-Match": '"of-others"'}
    refused = await client.patch(QUEUE, json={"freeze": 5000}, headers=headers)
    assert refused.status_code == 412
    assert (await seen(client, QUEUE))["frozen_until"] is None


async def test_the_tag_is_that_of_the_settings_alone(client: httpx.AsyncClient) -> None:
    tag = (await client.patch(QUEUE, json={"weight": 2})).headers["etag"]
    await send(client, enqueue("j1", interval=500))
    await client.patch(QUEUE, json={"freeze": 5000})
    await client.patch("/queue/sms/other/", json={"weight": 9})
    await client.post("/dequeue/sms/")
    assert (await client.get(QUEUE)).headers["etag"] == tag
    assert (await client.head(QUEUE)).headers["etag"] == tag
    other = (await client.patch(QUEUE, json={"weight": 3})).headers["etag"]
    assert other != tag
    assert (await client.patch(QUEUE, json={"weight": 2})).headers["etag"] == tag


MATCHES = ["*", "{}", '"other", {}', '{},"other"', ', {} , ,"a,b"', 'W/"x", {}', '"", {}']
MISMATCHES = ['"other"', '"a", "b"', "W/{}", '""', '"{}'.replace("{}", "") + 'x"', '"*"']
MALFORMED = ["{", "other", '"other', 'other"', "*, {}", "{} {}", "w/{}", '"a b"', ",", "", "{}x"]


@pytest.mark.parametrize("value", MATCHES)
@ON_MEMORY
async def test_a_list_with_the_present_tag_matches(client: httpx.AsyncClient, value: str) -> None:
    tag = (await client.get(QUEUE)).headers["etag"]
    assert (await change(client, 2, value.replace("{}", tag))).status_code == 200


@pytest.mark.parametrize("value", MISMATCHES)
@ON_MEMORY
async def test_other_tags_and_weak_ones_do_not_match(client: httpx.AsyncClient, value: str) -> None:
    tag = (await client.get(QUEUE)).headers["etag"]
    assert (await change(client, 2, value.replace("{}", tag))).status_code == 412
    assert (await seen(client, QUEUE))["settings"] == {}


@pytest.mark.parametrize("value", MALFORMED)
@ON_MEMORY
async def test_a_header_that_is_no_list_of_tags_is_refused(
    client: httpx.AsyncClient, value: str
) -> None:
    tag = (await client.get(QUEUE)).headers["etag"]
    response = await change(client, 2, value.replace("{}", tag))
    assert (response.status_code, response.json()["error"]) == (400, "invalid")
    assert "`If-Match`" in response.json()["message"]
    assert (await seen(client, QUEUE))["settings"] == {}


@ON_MEMORY
async def test_several_lines_of_the_header_are_one_list(client: httpx.AsyncClient) -> None:
    tag = (await client.get(QUEUE)).headers["etag"]
    headers = [("If-Match", '"other"'), ("If-Match", tag)]
    assert (await client.patch(QUEUE, json={}, headers=headers)).status_code == 200

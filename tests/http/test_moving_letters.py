"""Redrive and discard: which dead letters they take, how many, and what is refused."""

from typing import Any

import httpx
import pytest

from support.api import NO_INTEGERS, enqueue, invalid, send
from support.operators import column, done, let_die, letters, moved

pytestmark = pytest.mark.anyio

VERBS = {"redrive": "redriven", "discard": "discarded"}
"""The verbs, and the word in which each says how many."""
IN_BOTH_WAYS = pytest.mark.parametrize(("verb", "word"), VERBS.items())
MAX_INTEGER = 2**53 - 1


@IN_BOTH_WAYS
async def test_letters_are_moved_by_their_numbers(
    client: httpx.AsyncClient, verb: str, word: str
) -> None:
    await let_die(client, "j1", "j2", "j3", queue="sms/a")
    await let_die(client, "j4", queue="sms/b")
    body = {"letters": [1, 4, 99]}
    assert await moved(client, f"/{verb}/sms/", body) == (200, done(**{word: 2}, unknown=1))
    assert column(await letters(client), "number") == [3, 2]
    body = {"letters": [2]}
    assert await moved(client, f"/{verb}/sms/b/", body) == (200, done(**{word: 0}, unknown=1))
    assert await moved(client, f"/{verb}/sms/a/", body) == (200, done(**{word: 1}))
    assert column(await letters(client), "number") == [3]


@IN_BOTH_WAYS
async def test_letters_are_moved_by_their_jobs(
    client: httpx.AsyncClient, verb: str, word: str
) -> None:
    await let_die(client, "j1", "j2", "j1")
    body = {"jobs": ["j1", "nobody"]}
    assert await moved(client, f"/{verb}/sms/q/", body) == (200, done(**{word: 1}, unknown=1))
    assert column(await letters(client), "number") == [2, 1]


@IN_BOTH_WAYS
@pytest.mark.parametrize("path", ["sms/", "sms/a/"])
async def test_the_oldest_letters_are_moved_step_by_step(
    client: httpx.AsyncClient, verb: str, word: str, path: str
) -> None:
    names = [f"j{number}" for number in range(5)]
    await let_die(client, *names, queue="sms/a")
    count, cursor = 0, None
    answers: list[dict[str, Any]] = []
    while not answers or cursor is not None:
        body = {"count": 2, "cursor": cursor}
        status, answer = await moved(client, f"/{verb}/{path}", body)
        assert status == 200
        cursor = answer.pop("cursor")
        assert answer.pop("more") == (cursor is not None)
        answers.append(answer)
        count += answer[word]
        assert column(await letters(client), "job_id") == names[count:][::-1]
    assert answers == [{word: 2}, {word: 2}, {word: 1}]


@IN_BOTH_WAYS
async def test_an_empty_body_moves_up_to_1000_of_the_oldest(
    client: httpx.AsyncClient, verb: str, word: str
) -> None:
    await let_die(client, "j1", "j2")
    await let_die(client, "j3", queue="sms/other")
    assert await moved(client, f"/{verb}/sms/q/") == (200, done(**{word: 2}))
    assert await moved(client, f"/{verb}/sms/", {}) == (200, done(**{word: 1}))
    assert await moved(client, f"/{verb}/sms/", {"letters": None, "count": None}) == (
        200,
        done(**{word: 0}),
    )


@IN_BOTH_WAYS
async def test_an_empty_list_of_letters_moves_none(
    client: httpx.AsyncClient, verb: str, word: str
) -> None:
    await let_die(client, "j1")
    assert await moved(client, f"/{verb}/sms/q/", {"letters": []}) == (200, done(**{word: 0}))
    assert await moved(client, f"/{verb}/sms/q/", {"jobs": []}) == (200, done(**{word: 0}))
    assert len(await letters(client)) == 1


async def test_a_letter_whose_job_lives_stays(client: httpx.AsyncClient) -> None:
    await let_die(client, "j1", "j1", "j2")
    assert await moved(client, "/redrive/sms/q/") == (200, done(redriven=2, duplicates=1))
    assert column(await letters(client), "number") == [2]
    for body in ({"letters": [2]}, {"jobs": ["j1"]}):
        answer = await moved(client, "/redrive/sms/q/", body)
        assert answer == (200, done(redriven=0, duplicates=1))
    assert await moved(client, "/discard/sms/q/") == (200, done(discarded=1))


async def test_a_cursor_leads_past_letters_that_stay(client: httpx.AsyncClient) -> None:
    names = [f"j{number}" for number in range(3)]
    await let_die(client, *names)
    for name in names:
        await send(client, enqueue(name))
    status, answer = await moved(client, "/redrive/sms/", {"count": 2})
    assert (status, answer["redriven"], answer["duplicates"]) == (200, 0, 2)
    body = {"cursor": answer["cursor"]}
    assert await moved(client, "/redrive/sms/", body) == (200, done(redriven=0, duplicates=1))


def unacceptable() -> dict[str, list[Any]]:
    """Values that each field refuses, most just past its bounds."""
    return {
        "letters": [
            *(1, "1", {}, [0], [-1], [MAX_INTEGER + 1], [1.5], [True], ["1"], [None]),
            [1] * 1001,
        ],
        "jobs": [1, "j1", {}, [1], [None], ["j"] * 1001],
        "count": [0, -1, 1001, *NO_INTEGERS],
        "cursor": [1, [], "", "x", "-1", "1.5", " 1", "9" * 17, str(MAX_INTEGER + 1), "\u0661"],
    }


@IN_BOTH_WAYS
@pytest.mark.parametrize("field", unacceptable())
async def test_a_bad_field_moves_nothing(
    client: httpx.AsyncClient, verb: str, word: str, field: str
) -> None:
    await let_die(client, "j1", "j2")
    for value in unacceptable()[field]:
        status, answer = await moved(client, f"/{verb}/sms/q/", {field: value})
        message = (status, answer.get("message"), answer.get("error"))
        assert (value, message) == (value, (400, invalid(field), "invalid"))
        assert word not in answer
    assert len(await letters(client)) == 2


@IN_BOTH_WAYS
async def test_values_at_their_bounds_are_accepted(
    client: httpx.AsyncClient, verb: str, word: str
) -> None:
    for body in (
        {"letters": [1] * 1000},
        {"letters": [MAX_INTEGER]},
        {"jobs": ["j"] * 1000},
        {"count": 1},
        {"count": 1000, "cursor": str(MAX_INTEGER)},
        {"cursor": "0"},
    ):
        status, answer = await moved(client, f"/{verb}/sms/q/", body)
        assert (status, answer[word]) == (200, 0)


@IN_BOTH_WAYS
async def test_options_that_exclude_each_other_move_nothing(
    client: httpx.AsyncClient, verb: str, word: str
) -> None:
    await let_die(client, "j1")
    exclusive = "`letters`, `jobs`, and `count` with `cursor` exclude each other."
    for body, message in (
        ({"letters": [1], "jobs": ["j1"]}, exclusive),
        ({"letters": [1], "count": 1}, exclusive),
        ({"letters": [], "cursor": "0"}, exclusive),
        ({"jobs": ["j1"], "count": 1}, exclusive),
        ({"jobs": ["j1", "a b"]}, invalid("job_id")),
        ({"letters": [1, 0]}, invalid("letters")),
        ({"number": 1}, "Object contains unknown field `number`"),
    ):
        assert await moved(client, f"/{verb}/sms/q/", body) == (
            400,
            {"message": message, "error": "invalid"},
        )
    refused = {"message": "`jobs` needs the queue in the path.", "error": "invalid"}
    assert await moved(client, f"/{verb}/sms/", {"jobs": ["j1"]}) == (400, refused)
    assert len(await letters(client)) == 1
    assert await moved(client, f"/{verb}/sms/q/") == (200, done(**{word: 1}))

"""Lines of the log show where an error was raised, and neither payloads nor tokens."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from sharq_plug.errors import StoreUnavailable, told
from sharq_plug.keys.tokens import new_token
from sharq_plug.model import has_token, masked
from sharq_plug.server.json_lines import JsonFormatter
from sharq_plug.server.logs import LONGEST, MESSAGE, OneLineFormatter, log_unhandled
from sharq_plug.server.tracebacks import NOT_SHOWN

SECRET = "s3cr3t"


def raise_one() -> None:
    raise ValueError(SECRET)


def raise_with_a_cause() -> None:
    try:
        raise_one()
    except ValueError as error:
        raise StoreUnavailable("it is away") from error


def raise_with_a_context() -> None:
    try:
        raise_one()
    except ValueError:
        raise KeyError(SECRET)  # noqa: B904  # a context is what this is about


def raise_a_group() -> None:
    raise ExceptionGroup(SECRET, [ValueError(SECRET), OSError(SECRET)])


def raise_a_note() -> None:
    error = ValueError(SECRET)
    error.add_note(SECRET)
    raise error


def caught(fail: Callable[[], None]) -> Any:
    try:
        fail()
    except Exception:
        return sys.exc_info()


@pytest.mark.parametrize("formatter", [JsonFormatter(longest=LONGEST), OneLineFormatter(MESSAGE)])
@pytest.mark.parametrize(
    ("fail", "titles"),
    [
        (raise_one, [f"ValueError: {NOT_SHOWN}"]),
        (raise_with_a_cause, [f"ValueError: {NOT_SHOWN}", "StoreUnavailable: it is away"]),
        (raise_with_a_context, [f"ValueError: {NOT_SHOWN}", f"KeyError: {NOT_SHOWN}"]),
        (raise_a_group, [f"ExceptionGroup: {NOT_SHOWN}", f"OSError: {NOT_SHOWN}"]),
        (raise_a_note, [f"ValueError: {NOT_SHOWN}"]),
    ],
)
def test_a_traceback_shows_no_message_of_an_unexpected_error(
    formatter: logging.Formatter, fail: Callable[[], None], titles: list[str]
) -> None:
    record = logging.makeLogRecord({"msg": "failed", "exc_info": caught(fail)})
    text = formatter.format(record)
    assert SECRET not in text
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert fail.__name__ in text
    assert __file__ in text


def test_what_the_system_says_is_shown() -> None:
    exc_info = caught(lambda: Path("/none/x").unlink())
    record = logging.makeLogRecord({"msg": "m", "exc_info": exc_info})
    assert "No such file or directory" in OneLineFormatter(MESSAGE).format(record)


def test_a_message_about_an_unexpected_error_names_its_kind() -> None:
    assert told(ValueError(SECRET)) == "ValueError"
    assert told(StoreUnavailable("it is away")) == "it is away"


def test_an_error_that_nobody_handles_shows_no_arguments(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise ValueError(SECRET)

    async def lose_a_task(loop: asyncio.AbstractEventLoop) -> None:
        task = loop.create_task(fail(), name=SECRET)
        await asyncio.wait([task])
        loop.call_soon(lambda _text: raise_one(), SECRET)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(log_unhandled)
    loop.run_until_complete(lose_a_task(loop))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    for record in caplog.records:
        record.exc_text = None  # caplog's own formatter keeps its text there
    lines = [OneLineFormatter(MESSAGE).format(record) for record in caplog.records]
    assert len(lines) == 2
    assert not [line for line in lines if SECRET in line]
    assert sum("Exception in callback" in line for line in lines) == 1
    assert sum("never retrieved" in line for line in lines) == 1


@pytest.mark.parametrize("key_id", ["a", "shop-1", "x" * 32])
def test_a_token_is_known_wherever_it_stands(key_id: str) -> None:
    token = new_token(key_id)
    secret = token.rpartition(f"sq_{key_id}_")[2]
    for text in (
        token,
        f"GET /queue/{token}/?a={token} HTTP/1.1",
        f"/queue/{token.replace('_', '%5F')}/",
        f"/queue/%73{token[1:]}/",
        "".join(f"%{ord(character):02x}" for character in token),
        f"x{token}{token}",
        f"/{token}%20/",
    ):
        assert has_token(text)
        assert secret not in unquote(masked(text))
        assert "_(hidden)" in masked(text)
    assert masked(f"the key {token}, which") == f"the key sq_{key_id}_(hidden), which"


@pytest.mark.parametrize("text", ["", "sq_", "sq_a_short", "/enqueue/sq_mail_customers/q/", "sq"])
def test_other_texts_stay(text: str) -> None:
    assert not has_token(text)
    assert masked(text) is text


@pytest.mark.parametrize("formatter", [JsonFormatter(longest=LONGEST), OneLineFormatter(MESSAGE)])
def test_a_message_that_is_cut_within_a_token_shows_nothing_of_it(
    formatter: logging.Formatter,
) -> None:
    token = new_token("shop")
    for before in range(LONGEST - 100, LONGEST + 10, 7):
        line = formatter.format(logging.makeLogRecord({"msg": "-" * before + token}))
        assert token.removeprefix("sq_shop_")[:10] not in line


def test_lines_are_still_objects() -> None:
    record = logging.makeLogRecord({"msg": f'"{new_token("a")}"'})
    assert json.loads(JsonFormatter(longest=LONGEST).format(record))["message"] == '"sq_a_(hidden)"'

"""The description, of a server that asks for keys."""

import json

import pytest

from sharq_plug.model import Scope
from support.keyed import House

pytestmark = pytest.mark.anyio


async def test_with_keys_it_needs_read(house: House) -> None:
    for path in ("/-/openapi.json", "/-/docs"):
        assert (await house.ask(None, "GET", path)).status_code == 401
        assert (await house.ask("work", "GET", path)).status_code == 403
        assert (await house.ask("read", "GET", path)).status_code == 200
    told = (await house.ask("read", "GET", "/-/openapi.json")).json()
    assert told["paths"]["/dequeue"]["post"]["security"][0] == {"bearer": [Scope.WORK]}


async def test_sessions_are_answered_as_described(house: House) -> None:
    """The client of the house holds each answer against the description."""
    page = {"Sec_Fetch_Site": "same-origin"}
    key = json.dumps({"key": house.tokens["all"]}).encode()
    begun = await house.ask(None, "POST", "/-/session", key, **page)
    assert begun.status_code == 201
    wrong = json.dumps({"key": house.tokens["wrong"]}).encode()
    assert (await house.ask(None, "POST", "/-/session", wrong, **page)).status_code == 401
    assert (await house.ask(None, "DELETE", "/-/session", **page)).status_code == 200

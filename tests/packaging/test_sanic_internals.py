"""Each internal of Sanic that http/wire relies on, by name.

None of them is part of a public interface. When an upgrade moves one, this says which.
"""

import ast
import inspect
from typing import Any

import pytest
import sanic
from sanic.application.state import ApplicationServerInfo
from sanic.http import Http, Stage
from sanic.http.constants import HTTP
from sanic.models.server_types import ConnInfo
from sanic.server.async_server import AsyncioServer
from sanic.server.protocols import http_protocol
from sanic.server.protocols.http_protocol import HttpProtocol

from sharq_plug.http.wire.app import App
from sharq_plug.http.wire.connection import Connection
from sharq_plug.http.wire.exchange import Exchange
from sharq_plug.http.wire.request import Request

USED: dict[type[Any], str] = {
    sanic.Sanic: """before_server_start before_server_stop after_server_stop config create_server
        ctx finalize handle_exception handle_request request_class state""",
    Http: """HEADER_MAX_SIZE _receive_more _send create_empty_request error_response exception
        expecting_continue head_only http1 http1_request_header init_for_request keep_alive perft0
        protocol read recv_buffer request request_body request_bytes request_bytes_left
        request_max_size stage url __aiter__""",
    HttpProtocol: """HTTP_CLASS _callback_check_timeouts _can_write _http _task abort
        access_log app check_timeouts close conn_info connection_lost connection_made
        connections data_received keep_alive_timeout log_disconnect loop
        pause_writing receive_more recv_buffer request_class request_handler request_timeout
        response_timeout resume_writing transport""",
    sanic.Request: """_current _parsed_url app body client_ip conn_info method path port
        query_string raw_url receive_body route stream transport url version""",
    ConnInfo: "client_ip lost sockname",
    AsyncioServer: "after_start after_stop before_start before_stop close connections startup",
    Stage: "HANDLER IDLE REQUEST",
    HTTP: "VERSION_1",
}
"""Attributes that our code reads, sets, or overrides, by the class that they belong to."""

OVERRIDDEN: list[tuple[type[Any], type[Any]]] = [
    (App, sanic.Sanic),
    (Exchange, Http),
    (Connection, HttpProtocol),
    (Request, sanic.Request),
]
"""Our classes, and those of Sanic that they derive from."""


def attributes(kind: type[Any]) -> set[str]:
    """Return the names that a class defines, or assigns to `self`."""
    found = set(dir(kind))
    for base in kind.__mro__[:-1]:
        if base.__module__.startswith("sanic"):
            for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(base)))):  # type: ignore[arg-type]  # it has one
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                    found.add(node.attr)
    return found


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in USED.items() for name in names.split()]
)
def test_sanic_still_has(kind: type[Any], name: str) -> None:
    assert name in attributes(kind)


@pytest.mark.parametrize(
    ("ours", "theirs", "name"),
    [
        (ours, theirs, name)
        for ours, theirs in OVERRIDDEN
        for name in sorted(vars(ours).keys() & {*dir(theirs)} - {*dir(object)})
        if inspect.isfunction(vars(ours)[name])
    ],
)
def test_sanic_still_calls_with_the_same_arguments(
    ours: type[Any], theirs: type[Any], name: str
) -> None:
    expected = inspect.signature(getattr(theirs, name)).parameters.values()
    given = inspect.signature(getattr(ours, name)).parameters.values()
    if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in given):
        assert [parameter.name for parameter in given] == [each.name for each in expected]


def test_sanic_still_takes_what_tells_it_which_http_this_is() -> None:
    assert ApplicationServerInfo({"version": HTTP.VERSION_1}).settings["version"] is HTTP.VERSION_1


def test_the_methods_that_sanic_calls_by_name_are_ours() -> None:
    protocol = inspect.getsource(http_protocol)
    assert "self.app.handle_request" in protocol
    assert "self.HTTP_CLASS" in protocol
    assert "app.handle_exception" in inspect.getsource(Http.error_response)
    assert "self.protocol.request_handler(self.request)" in inspect.getsource(Http.http1)

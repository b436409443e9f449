"""Log records as JSON, one object a line."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from sharq_plug.http.wire.log_fields import current_fields, fields_of, names_of, title_of
from sharq_plug.model import masked
from sharq_plug.server.tracebacks import traceback_of

LONGEST_EXCEPTION = 16_000
"""Characters of a traceback that are logged, at most: its end, which says what was raised."""
ACCESS_LOGGER = "sanic.access"

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class JsonFormatter(logging.Formatter):
    """Format a record as one line of ASCII, whatever it says.

    A record's `fields`, a mapping that the caller gave as `extra`, become fields of the line. Those
    of the request that is being handled are added.
    """

    _second = -1
    _text = ""

    def __init__(self, *, longest: int) -> None:
        super().__init__()
        self._longest = longest

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802  # it is logging's
        """Return the time as RFC 3339 has it, in UTC with milliseconds."""
        second = int(record.created)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._text}.{int(record.msecs):03}Z"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its end."""
        fields: dict[str, object] = {
            "ts": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
        }
        if record.name == ACCESS_LOGGER:
            fields |= _access_fields(record)
        else:
            fields["message"] = self._cut(masked(record.getMessage()))
            fields |= current_fields()
            fields.update(getattr(record, "fields", _NOTHING))
        if record.exc_info and record.exc_info[0] is not None:
            fields["exception"] = self.formatException(record.exc_info)[-LONGEST_EXCEPTION:]
        return _encode({name: _text(value) for name, value in fields.items()})

    def formatException(self, ei: Any) -> str:  # noqa: N802  # it is logging's
        """Return a traceback, without the messages of exceptions that nobody expected."""
        return traceback_of(ei[1])

    def _cut(self, message: str) -> str:
        return message if len(message) <= self._longest else f"{message[: self._longest]}..."


_NOTHING: Mapping[str, object] = {}


def _access_fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what `sharq_plug.http.wire.access_log` says, without the URL that a client chose."""
    said = vars(record)
    request, seconds, status = said["of_request"], said["seconds"], said["status"]
    title = "a connection" if request is None else title_of(request)
    fields: dict[str, object] = {"message": f"{title}: {status}", "client": said["host"]}
    if request is not None:
        fields |= names_of(said["job"])
        fields |= fields_of(request)
    if isinstance(status, int):
        fields |= {"status": status, "bytes": said["byte"]}
    else:
        fields["message"] = f"{title}: disconnected"
    if seconds is not None:
        fields["duration_ms"] = round(1000 * seconds, 1)
    return fields


def _text(value: object) -> object:
    """Return a value with nothing in it that JSON readers refuse: half of a surrogate pair."""
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="backslashreplace").decode()
    return value

"""What the server logs, and where: messages to standard error, accesses where they are wanted."""

import logging
import logging.config
from typing import Any

from sharq_plug.errors import ConfigError

STANDARD_ERROR = "-"
LONGEST = 4000
"""Characters of a message that are kept."""


class OneLineFormatter(logging.Formatter):
    """Keep what a client sends from looking like a line of its own, or from moving the cursor.

    A traceback stands below its line, indented.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # it is logging's
        """Return the line of a record."""
        line = _printable(super().formatMessage(record))
        return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."

    def formatException(self, ei: Any) -> str:  # noqa: N802  # it is logging's
        """Return a traceback."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"    {_printable(line)}" for line in lines)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def configure_logging(accesslog: str | None) -> None:
    """Set up logging for this process.

    `accesslog` is a file, which may be rotated by moving it away, or `-` for standard error;
    None: no access log. Raises ConfigError if the file cannot be written.
    """
    handlers: dict[str, object] = {
        "stderr": {"class": "logging.StreamHandler", "formatter": "message"}
    }
    if accesslog == STANDARD_ERROR:
        handlers["access"] = {"class": "logging.StreamHandler", "formatter": "access"}
    elif accesslog is not None:
        _check_writable(accesslog)
        handlers["access"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": accesslog,
            "formatter": "access",
        }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "message": {
                    "()": OneLineFormatter,
                    "fmt": "%(asctime)s %(levelname)s %(name)s: %(message)s",
                },
                "access": {
                    "()": OneLineFormatter,
                    "fmt": "%(asctime)s %(host)s %(request)s %(status)s %(byte)s%(duration)s",
                },
            },
            "handlers": handlers,
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "sharq_plug": {"level": "INFO"},
                "sanic.access": {
                    "level": "INFO",
                    "handlers": [name for name in handlers if name == "access"],
                    "propagate": False,
                },
            },
        }
    )


def _check_writable(accesslog: str) -> None:
    try:
        with open(accesslog, "ab"):  # noqa: PTH123  # the handler takes the same text
            pass
    except OSError as error:
        place = f"[sharq-server] accesslog: {accesslog}"
        raise ConfigError(f"{place} cannot be written: {error.strerror}") from error

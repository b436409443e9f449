"""What the server logs, and where: messages to standard error, requests to the access log."""

import logging
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from sharq_plug.errors import ConfigError
from sharq_plug.model import masked
from sharq_plug.server.json_lines import ACCESS_LOGGER, JsonFormatter
from sharq_plug.server.log_writer import AppendedFile, LineWriter, StandardError
from sharq_plug.server.tracebacks import traceback_of

logger = logging.getLogger(__name__)

LogFormat: TypeAlias = Literal["text", "json"]
STANDARD_ERROR = "-"
MESSAGE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
ACCESS = "%(asctime)s %(host)s %(request)s %(status)s %(byte)s%(duration)s"
LONGEST = 4000
"""Characters of a message that are logged, at most."""


class OneLineFormatter(logging.Formatter):
    """Escape what a client sends, so that it cannot fake a line or move the cursor.

    A traceback stands below its line, indented.
    """

    _second = -1
    _text = ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # it is logging's
        """Return the local time with milliseconds. The part up to seconds is cached."""
        if datefmt is not None:
            return super().formatTime(record, datefmt)
        second = int(record.created)
        if second != self._second:
            self._text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self._second = second
        return f"{self._text},{int(record.msecs):03}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # it is logging's
        """Return the line of a record."""
        line = _printable(masked(super().formatMessage(record)))
        return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."

    def formatException(self, ei: Any) -> str:  # noqa: N802  # it is logging's
        """Return a traceback, without the messages of exceptions that nobody expected."""
        lines = traceback_of(ei[1]).split("\n")
        return "\n".join(f"    {_printable(line)}" for line in lines)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


class LineHandler(logging.Handler):
    """Turn records into lines, and let a thread write them. Never raise.

    No line shows a token, wherever a client has put it.
    """

    def __init__(self, writer: LineWriter, formatter: logging.Formatter) -> None:
        super().__init__()
        self.writer = writer
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record's line."""
        try:
            self.writer.put(masked(self.format(record)))
        except Exception:  # whatever it is, logging must not break the work
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  # it is logging's
        """Count the record as lost."""
        self.writer.lose()

    def flush(self) -> None:
        """Wait up to a second until all lines are written; `logging.shutdown` calls this."""
        self.writer.flush()


def configure_logging(
    accesslog: str | None, *, log_format: LogFormat = "text", is_child: bool = False
) -> None:
    """Set up logging for this process.

    `accesslog` is a file, which may be rotated by moving it away, or `-` for standard error, or
    None for no access log. Raises ConfigError if the file cannot be written, except in a child of
    the server: a child continues without the file, as it does when the file is lost later. Python's
    own messages go to the log too: otherwise they would wait for standard error.
    """
    file = None if accesslog in (None, STANDARD_ERROR) else _opened(accesslog, is_child=is_child)
    messages = LineWriter("the log on standard error", StandardError(), logger.warning)
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    root.addHandler(LineHandler(messages, _formatter(log_format, MESSAGE)))
    logging.getLogger("sharq_plug").setLevel(logging.INFO)
    access = logging.getLogger(ACCESS_LOGGER)
    access.propagate = False
    access.setLevel(logging.INFO)
    if accesslog == STANDARD_ERROR:
        access.addHandler(LineHandler(messages, _formatter(log_format, ACCESS)))
    elif file is not None:
        name = f"the access log {accesslog}"
        writer = LineWriter(name, file, logger.warning, tells_at_once=True)
        access.addHandler(LineHandler(writer, _formatter(log_format, ACCESS)))
    _log_what_python_says()


def _formatter(log_format: LogFormat, template: str) -> logging.Formatter:
    if log_format == "json":
        return JsonFormatter(longest=LONGEST)
    return OneLineFormatter(template)


def reopen_logs() -> None:
    """Reopen log files that were moved away. Return at once."""
    for name in (None, ACCESS_LOGGER):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, LineHandler):
                handler.writer.reopen()


def say(line: str) -> None:
    """Write a line to standard error as it is. Wait up to a second; never raise."""
    handlers = logging.getLogger().handlers
    found = (handler.writer for handler in handlers if isinstance(handler, LineHandler))
    writer = next(found, None) or LineWriter("standard error", StandardError(), logger.warning)
    writer.put(masked(line))
    writer.flush()


def log_unhandled(_loop: object, context: Mapping[str, Any]) -> None:
    """Log what an event loop tells of a failure that nobody handles.

    It also tells of the task or callback, whose text may show arguments and results.
    """
    said = "an event loop says: %s"
    is_callback = context["message"].startswith("Exception in callback")
    message = "Exception in callback" if is_callback else context["message"]
    logger.error(said, message, exc_info=context.get("exception"))


def _log_what_python_says() -> None:
    """Log Python's warnings and uncaught exceptions."""

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        error = args.exc_value
        logger.error("%s: %r", args.err_msg or "Exception ignored in", args.object, exc_info=error)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        logger.error("the thread %s failed", args.thread, exc_info=args.exc_value)

    def uncaught(_kind: object, error: BaseException, _traceback: object) -> None:
        logger.critical("the server failed", exc_info=error)

    logging.captureWarnings(capture=True)
    sys.unraisablehook = unraisable
    threading.excepthook = in_thread
    sys.excepthook = uncaught


def _opened(accesslog: str, *, is_child: bool) -> AppendedFile:
    file = AppendedFile(accesslog, logger.warning)
    try:
        file.open()
    except (OSError, ValueError) as error:
        if not is_child:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            place = f"[sharq-server] accesslog: {accesslog}"
            raise ConfigError(f"{place} cannot be written: {reason}") from error
    return file

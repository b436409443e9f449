"""What the server logs, and where: messages to standard error, accesses where they are wanted."""

import logging.config

from sharq_plug.errors import ConfigError

STANDARD_ERROR = "-"


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
                "message": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
                "access": {
                    "format": "%(asctime)s %(host)s %(request)s %(status)s %(byte)s%(duration)s"
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

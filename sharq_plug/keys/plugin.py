"""What makes the keys file known as the authenticator `keys`."""

from pathlib import Path

import msgspec

from sharq_plug.authenticator import Authenticator
from sharq_plug.errors import ConfigError
from sharq_plug.hookspecs import Authentication, hookimpl
from sharq_plug.keys.authenticator import KeysAuthenticator
from sharq_plug.keys.checks import BadKeys


class NoOptions(msgspec.Struct, frozen=True):
    """The keys file is named by `[sharq-server] keys_file`; there are no other options."""


@hookimpl
def sharq_authenticator() -> Authentication:
    """Return the keys file as an authenticator."""
    return Authentication(options=NoOptions, open=_open)


def _open(_options: NoOptions, keys_file: Path | None) -> Authenticator:
    if keys_file is None:
        raise ConfigError("the authenticator 'keys' needs [sharq-server] keys_file")
    try:
        return KeysAuthenticator(keys_file)
    except BadKeys as error:
        raise ConfigError(f"[sharq-server] keys_file: {error}") from error

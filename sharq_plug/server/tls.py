"""The certificate that the server shows, read at its start and anew at SIGHUP."""

import logging
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from sharq_plug.errors import ConfigError
from sharq_plug.server.sections import ServerSection

logger = logging.getLogger(__name__)

NO_CHECK_TIME = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, for which the module `ssl` has no name."""
MAX_FLIGHTS = 10


class Certificate:
    """A certificate and its key, in files. Raises ConfigError unless they can be used.

    `context` is for connections that begin now. `valid` says until when in words, and `weaknesses`
    are sentences about what clients will not like.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self.valid = ""
        self.weaknesses: list[str] = []
        self.context = self._read()

    def reload(self) -> None:
        """Read the files anew for later connections; log the outcome. On an error keep what was."""
        try:
            self.context = self._read()
        except ConfigError as error:
            logger.error("the certificate stays as it was: %s", error)  # noqa: TRY400  # for people
            return
        logger.info("read the certificate anew: %s", self)
        for sentence in self.weaknesses:
            logger.warning("%s", sentence)

    def __str__(self) -> str:
        return f"{self._cert}{self.valid}"

    def _read(self) -> ssl.SSLContext:
        _check_pem("tls_cert", self._cert, b"-----BEGIN CERTIFICATE-----", "certificate")
        _check_pem("tls_key", self._key, b"PRIVATE KEY-----", "private key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._cert, self._key, password=self._refuse_password)
        except (ssl.SSLError, OSError) as error:
            raise self._fault(error) from None  # whose text may quote the key
        self.valid, self.weaknesses = self._examine(context)
        return context

    def _refuse_password(self) -> NoReturn:
        """Refuse an encrypted key: OpenSSL itself would ask for its password on the terminal."""
        raise ConfigError(
            f"[sharq-server] tls_key: {self._key} is encrypted, and nobody is there to tell its "
            "password; `openssl pkey -in FILE -out NEWFILE` writes it without"
        )

    def _fault(self, error: OSError) -> ConfigError:
        """Say which of the two files is wrong."""
        reason = getattr(error, "reason", None) or "it cannot be read"
        if "MISMATCH" in reason or reason == "NO_CERTIFICATE_ASSIGNED":
            said = f"is not the key of the certificate {self._cert}"
            return ConfigError(f"[sharq-server] tls_key: {self._key} {said}")
        name, path = "tls_key", self._key
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=self._cert)
        except (ssl.SSLError, OSError):
            name, path = "tls_cert", self._cert
        said = reason.lower().replace("_", " ")
        return ConfigError(f"[sharq-server] {name}: {path} cannot be used: {said}")

    def _examine(self, context: ssl.SSLContext) -> tuple[str, list[str]]:
        """Return until when the certificate is valid, and why clients may refuse it."""
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.load_verify_locations(cafile=self._cert)
        client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(NO_CHECK_TIME)
        try:
            shown = _shown(context, client)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason
            return "", [f"the certificate {self._cert} is one that clients refuse: {reason}"]
        begins, ends = (ssl.cert_time_to_seconds(shown[at]) for at in ("notBefore", "notAfter"))
        valid = f", valid until {_day(ends)}"
        if time.time() > ends:
            return valid, [f"the certificate {self._cert} has expired on {_day(ends)}"]
        if time.time() < begins:
            return valid, [f"the certificate {self._cert} is not valid until {_day(begins)}"]
        return valid, []


def read_certificate(server: ServerSection) -> Certificate | None:
    """Return the configured certificate; None without one. Raises ConfigError."""
    if server.tls_cert is None or server.tls_key is None:
        return None
    return Certificate(Path(server.tls_cert), Path(server.tls_key))


def _check_pem(name: str, path: Path, mark: bytes, what: str) -> None:
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(f"[sharq-server] {name}: {path} cannot be read: {reason}") from error
    if mark not in text:
        raise ConfigError(f"[sharq-server] {name}: {path} holds no {what} in the PEM format")


def _shown(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, str]:
    """Return what a server's certificate says to a client. Raises SSLError if it refuses it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(MAX_FLIGHTS):
        with suppress(ssl.SSLWantReadError):
            asking.do_handshake()
            return {
                name: value
                for name, value in (asking.getpeercert() or {}).items()
                if isinstance(value, str)
            }
        with suppress(ssl.SSLWantReadError):
            answering.do_handshake()
    raise ssl.SSLError(1, "the handshake does not end")


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"

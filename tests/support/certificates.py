"""Certificates for the tests, signed by an authority that exists in this process only."""

import datetime
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import trustme

NAMES = ("localhost", "127.0.0.1")


class Pair(NamedTuple):
    """A certificate and its key, in files."""

    cert: Path
    key: Path

    @property
    def environ(self) -> dict[str, str]:
        """The variables that tell a server of them."""
        return {"SHARQ_SERVER_TLS_CERT": str(self.cert), "SHARQ_SERVER_TLS_KEY": str(self.key)}

    def replace(self, other: "Pair") -> None:
        """Put another certificate in their place."""
        self.cert.write_bytes(other.cert.read_bytes())
        self.key.write_bytes(other.key.read_bytes())


class Authority:
    """Issue certificates into a folder, and give clients that trust them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()

    def issue(self, name: str, *names: str, **options: Any) -> Pair:
        """Write a certificate for this machine, and for more `names`."""
        issued = self._ca.issue_cert(*NAMES, *names, **options)
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pair.cert.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(pair.key)
        return pair

    def write_to(self, path: Path) -> None:
        """Write what a client has to trust."""
        self._ca.cert_pem.write_to_path(path)

    def context(self) -> ssl.SSLContext:
        """Return a client's context that trusts what was issued."""
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context

    def server_context(self) -> ssl.SSLContext:
        """Return a server's context with a new certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*NAMES).configure_cert(context)
        return context


def past() -> datetime.datetime:
    """Return a time at which a certificate may have ended."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)

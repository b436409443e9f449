"""A server that asks nobody for a key is reached from its own machine only."""

import socket
from ipaddress import ip_address

from sharq_plug.errors import ConfigError
from sharq_plug.server.config_names import SERVER_SECTION
from sharq_plug.server.listening import UNIX
from sharq_plug.server.sections import ServerSection


def check_host(server: ServerSection) -> None:
    """Make sure that only callers with a key can reach the server from other machines.

    Raises ConfigError that says what to do.
    """
    if server.needs_keys or server.allow_anonymous or is_of_this_machine(server.host):
        return
    raise ConfigError(
        f"[{SERVER_SECTION}] host: at {server.host} other machines reach this server, and it asks "
        "nobody for a key. Make one: set keys_file, then run `sharq-server keys add ID --scopes "
        "enqueue,work`. Or, in a private network where everybody may do everything, set "
        "allow_anonymous : true"
    )


def is_of_this_machine(host: str) -> bool:
    """Return whether only this machine can reach a host: a loopback address or a Unix socket.

    All addresses of a name must be loopback ones. A name without any counts too: nobody can listen
    there.
    """
    if host.startswith(UNIX):
        return True
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError):
        return True
    return all(ip_address(str(info[4][0]).partition("%")[0]).is_loopback for info in found)

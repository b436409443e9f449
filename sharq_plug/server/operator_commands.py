"""Commands that a backend offers its operators, as in `sharq-server functions prune`."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sharq_plug.errors import ConfigError
from sharq_plug.hookspecs import Command
from sharq_plug.plugins import load_backend


def run_command(backend_name: str, options: Any, words: Sequence[str]) -> int:
    """Run the command that `words` begin with; return its exit status.

    Raises ConfigError if the backend has no such command, and whatever SharqError the command
    raises.
    """
    commands = load_backend(backend_name).commands
    name = _named(commands, words)
    if name is None:
        offered = "; ".join(f"{name}: {command.help}" for name, command in sorted(commands.items()))
        raise ConfigError(
            f"unrecognized arguments: {' '.join(words)}: the backend {backend_name!r} has no such "
            f"command; it has {offered or 'none'}"
        )
    arguments = words[len(name.split()) :]
    return asyncio.run(_run(commands[name], options, arguments))


def _named(commands: Mapping[str, Command], words: Sequence[str]) -> str | None:
    """Return the longest name of a command that the words begin with."""
    names = (" ".join(words[:count]) for count in range(len(words), 0, -1))
    return next((name for name in names if name in commands), None)


async def _run(command: Command, options: Any, arguments: Sequence[str]) -> int:
    return await command.run(options, arguments)

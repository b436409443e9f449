"""docs/keys.md: its commands make keys, and its curl lines are answered as it says."""

import re
import shlex
from pathlib import Path

import httpx
import pytest

from sharq_plug.keys.checks import FIELDS
from sharq_plug.model import Scope
from support.curl_lines import check_curl_lines
from support.readme import README, ROOT, blocks, quoted, table
from support.server import ServerProcess, run_command
from support.waiting import until

PAGE = (ROOT / "docs" / "keys.md").read_text()
SECURITY = (ROOT / "SECURITY.md").read_text()


def made(path: Path) -> dict[str, str]:
    """Run the commands of the page; return the tokens by the ids of their keys."""
    tokens = {}
    [console] = blocks("console", PAGE)
    for line in console.splitlines():
        words = shlex.split(line.removeprefix("$ "))
        if words[:2] == ["sharq-server", "keys"]:
            done = run_command(*words[1:], environ={"SHARQ_SERVER_KEYS_FILE": str(path)})
            assert done.returncode == 0, done
            tokens[words[3]] = done.stdout.strip()
    return tokens


def test_every_curl_line_gives_what_stands_below_it_and_no_log_shows_a_secret(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.toml"
    tokens = made(path)
    page = PAGE
    for key_id, token in tokens.items():
        page = page.replace(f"Bearer {key_id.upper()}", f"Bearer {token}")
        page = page.replace(f'"{key_id.upper()}"', f'"{token}"')
    environ = {"SHARQ_SERVER_KEYS_FILE": str(path), "SHARQ_SERVER_ACCESSLOG": "-"}
    with ServerProcess(environ=environ) as server:
        check_curl_lines(page, server.url)
        command = Path(f"/proc/{server.process.pid}/cmdline").read_text()
        assert server.stop() == 0
        said = server.log() + command
    assert "key ops: POST -/session" in said
    secrets = [token[-43:] for token in tokens.values()]
    secrets += re.findall(r'"([0-9A-Za-z_-]{43,})"', path.read_text())
    assert len(secrets) == 2 * len(tokens) + 1
    assert not [secret for secret in secrets if secret in said]


def test_a_running_server_rereads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    made(path)
    environ = {"SHARQ_SERVER_KEYS_FILE": str(path)}
    with ServerProcess(environ=environ) as server:
        assert httpx.get(f"{server.url}/-/health").status_code == 200  # it has read the file
        good = path.read_text()
        path.write_text(good + "[[key]]\n")
        until(lambda: "the keys that were read before go on" in server.log())
        path.write_text(good)
        until(lambda: "was read again: it has 4 keys" in server.log())


def test_the_tables_are_those_of_the_code() -> None:
    fields = [name for row in table("field", PAGE) for name in quoted(row[0])]
    assert tuple(fields) == FIELDS
    assert [quoted(row[0])[0] for row in table("scope", PAGE)] == list(Scope)


@pytest.mark.parametrize("command", [quoted(row[0])[0] for row in table("command", PAGE)])
def test_each_command_is_one(command: str) -> None:
    words = command.split()[:2]
    assert words[1] in run_command("keys", "--help").stdout


def test_the_pages_are_linked() -> None:
    assert "](docs/keys.md)" in README
    assert "](SECURITY.md)" in README
    assert "Report a vulnerability" in SECURITY

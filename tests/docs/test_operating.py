"""What docs/operating.md tells operators to set goes with the code, and with itself."""

import configparser
import re
from pathlib import Path

import pytest

from sharq_plug.http.wire.app import RESPONSE_TIMEOUT, ROUTES
from sharq_plug.server import log_writer
from sharq_plug.server.sections import ServerSection
from support.readme import README, ROOT

PAGE = (ROOT / "docs" / "operating.md").read_text()
VENV = "/opt/sharq"


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def unit() -> configparser.RawConfigParser:
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    unit.read_string(block("ini"))
    return unit


def test_the_unit_starts_again_for_ever(unit: configparser.RawConfigParser) -> None:
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert unit["Service"]["Restart"] == "always"


def test_the_unit_starts_what_the_install_lines_bring(unit: configparser.RawConfigParser) -> None:
    for text in (block("sh"), README):
        assert f"python3 -m venv {VENV}\n" in text
        assert f"{VENV}/bin/pip install --constraint constraints.txt .\n" in text
    assert unit["Service"]["ExecStart"].split()[0] == f"{VENV}/bin/sharq-server"
    assert unit["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert Path(unit["Service"]["EnvironmentFile"]).is_absolute()


def test_no_line_installs_outside_a_virtual_environment() -> None:
    for text in (README, PAGE.replace(block("dockerfile"), "")):
        assert not re.findall(r"^(?:sudo )?pip3? install.*", text, re.MULTILINE)


def directives(text: str) -> dict[str, dict[str, str]]:
    """Return the directives of each nginx block, by the block's head; blocks inherit none."""
    found: dict[str, dict[str, str]] = {"": {}}
    heads = [""]
    for line in (line.partition("#")[0].strip() for line in text.splitlines()):
        if line.endswith("{"):
            heads.append(line.removesuffix("{").strip())
            found[heads[-1]] = {}
        elif line == "}":
            heads.pop()
        elif line:
            assert line.endswith(";"), line
            name, _, value = line.removesuffix(";").partition(" ")
            key = f"{name} {value.split()[0]}" if name == "proxy_set_header" else name
            found[heads[-1]][key] = value
    assert heads == [""]
    return found


def test_nginx_waits_longer_than_a_dequeue_and_takes_the_largest_batch() -> None:
    server = directives(block("nginx"))["server"]
    assert int(server["proxy_read_timeout"].removesuffix("s")) >= RESPONSE_TIMEOUT
    largest = int(server["client_max_body_size"].removesuffix("m")) * 1024 * 1024
    assert largest == ServerSection().max_batch_body_size


def test_nginx_keeps_its_connections_to_the_servers() -> None:
    blocks = directives(block("nginx"))
    assert int(blocks["upstream sharq"]["keepalive"]) > 0
    assert blocks["server"]["proxy_http_version"] == "1.1"
    assert blocks["server"]["proxy_set_header Connection"] == 'Connection ""'
    for location in ("location /", "location /dequeue/"):
        assert blocks[location]["proxy_pass"] == "http://sharq"
        assert "proxy_set_header Connection" not in blocks[location]


def test_nginx_repeats_no_dequeue_and_nothing_that_took_long() -> None:
    blocks = directives(block("nginx"))
    assert blocks["server"]["proxy_next_upstream"] == "error"
    assert blocks["location /dequeue/"]["proxy_next_upstream"] == "off"


def test_the_routes_for_health_are_routes() -> None:
    section = PAGE.partition("## Health")[2].partition("## ")[0]
    named = set(re.findall(r"`GET (\S+)`", section))
    assert named == {"/-/health", "/-/ready", "/", "/deepstatus/"}
    served = {route.path.rstrip("/") for route in ROUTES if "GET" in route.methods}
    assert {path.rstrip("/") for path in named} <= served


def test_the_bound_of_waiting_lines_is_that_of_the_code() -> None:
    assert f"up to {log_writer.MOST_WAITING >> 20} MiB of lines wait" in PAGE

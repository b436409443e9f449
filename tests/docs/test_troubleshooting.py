"""What docs/troubleshooting.md tells operators to send is answered as it shows."""

import re
import subprocess
import sys

import httpx

from sharq_plug.http.wire.app import ROUTES
from support.curl_lines import check_curl_lines
from support.readme import ADDRESS, README, ROOT, blocks
from support.server import ServerProcess

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()


def test_every_curl_line_gives_what_stands_below_it(server: ServerProcess) -> None:
    check_curl_lines(PAGE, server.url)


def test_the_program_that_redrives_all_follows_the_cursor_to_the_end(
    server: ServerProcess,
) -> None:
    jobs = [{"queue_id": "q", "job_id": f"{n}", "interval": 0, "payload": n} for n in range(5)]
    httpx.post(f"{server.url}/enqueue/fax/", json={"jobs": jobs})
    leased = httpx.post(f"{server.url}/dequeue/fax/", json={"count": 5}).json()["jobs"]
    names = ("queue_id", "job_id", "lease")
    failed = [{name: job[name] for name in names} | {"dead": True} for job in leased]
    httpx.post(f"{server.url}/fail/fax/", json={"jobs": failed})
    [code] = blocks("python", PAGE)
    code = code.replace(ADDRESS, server.url).replace('{"cursor"', '{"count": 2, "cursor"')
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [line.partition(", 'more'")[0] for line in said.splitlines()] == [
        f"{{'status': 'success', 'redriven': {count}" for count in (2, 2, 1)
    ]
    assert httpx.get(f"{server.url}/queue/fax/q/").json()["waiting"] == 5


def test_the_page_is_linked_from_the_readme() -> None:
    assert "[When something goes wrong](docs/troubleshooting.md)" in README
    assert PAGE.startswith("# When something goes wrong\n")


def test_the_routes_that_the_page_names_are_routes() -> None:
    served = {
        (method, re.sub(r"<\w+>", "<>", route.path).rstrip("/"))
        for route in ROUTES
        for method in route.methods
    }
    named = re.findall(r"`(GET|POST|PATCH|DELETE) (/[^`?]*)", PAGE)
    full = {(method, re.sub(r"<\w+>", "<>", path).rstrip("/")) for method, path in named}
    short = {(method, path) for method, path in full if path.endswith("...") or "<>" not in path}
    assert full - short <= served
    verbs = {(method, path.split("/")[1]) for method, path in served if path}
    assert {(method, path.split("/")[1]) for method, path in short} <= verbs

"""What the README says is what the code has."""

import configparser
import re
from itertools import zip_longest
from pathlib import Path

import msgspec
import pytest

from sharq_plug.http.api.failures import FAILURES, HTTP_FAILURES, INTERNAL
from sharq_plug.http.wire.app import ROUTES
from sharq_plug.plugins import load_backend
from sharq_plug.server.config import Sources, load_settings
from sharq_plug.server.sections import QueueSection, ServerSection
from support.readme import README, ROOT, quoted, table
from support.server import run_command

BETTER_SET = {"default_job_requeue_limit": "25"}
"""What the shipped file sets to something else than its default."""

PLACEHOLDERS = {"<t>": "<queue_type>", "<q>": "<queue_id>", "<j>": "<job_id>"}

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "sharq": QueueSection,
    "sharq-server": ServerSection,
    "redis": load_backend("redis").options,
}


def test_the_routes_of_the_readme_are_those_of_the_server() -> None:
    told = set()
    for [cell] in (quoted(row[0]) for row in table("route")):
        route = re.sub(r"<.>", lambda found: PLACEHOLDERS[found[0]], cell)
        method, _, path = route.partition(" ")
        told.add((method, path.removesuffix("/") or "/"))
    served = {(method, route.path) for route in ROUTES for method in route.methods}
    assert told == {pair for pair in served if pair[0] not in {"HEAD", "OPTIONS"}}


def test_the_readme_explains_each_error_word_and_its_status() -> None:
    explained = [(int(row[1]), *quoted(row[0])) for row in table("`error`")]
    assert len(explained) == len(set(explained))
    assert set(explained) == {*FAILURES.values(), *HTTP_FAILURES.values(), INTERNAL}


def test_the_flags_of_the_readme_are_those_of_the_help() -> None:
    _, _, options = run_command("--help").stdout.partition("\noptions:\n")
    told = [flag for row in table("flag") for flag in quoted(row[0])]
    assert {flag.split()[0] for flag in told} == set(re.findall(r"(?<![\w-])--?[a-z-]+", options))
    assert all(flag in options for flag in told)


@pytest.mark.parametrize("section", SECTIONS)
def test_keys_and_defaults_are_the_same_in_the_readme_the_sample_and_the_code(
    section: str,
) -> None:
    told: dict[str, str] = {}
    for keys, defaults, *_ in table(f"`[{section}]`"):
        told.update(zip_longest(quoted(keys), defaults.split(", "), fillvalue=""))
    sample = configparser.RawConfigParser()
    sample.read_string((ROOT / "sharq.conf").read_text())
    coded = {field.name: field.default for field in msgspec.structs.fields(SECTIONS[section])}
    assert told == {key: as_text(default) for key, default in coded.items()}
    assert {key: BETTER_SET.get(key, text) for key, text in told.items()} == dict(sample[section])


def as_text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None else str(default)


def test_the_environment_variables_of_the_example_are_understood() -> None:
    environ = dict(re.findall(r"\b(SHARQ_\w+)=([^\s`]+)", README))
    settings = load_settings(Sources(environ=environ))
    assert settings.server.backend == environ["SHARQ_SERVER_BACKEND"]
    assert msgspec.structs.asdict(settings.options)["url"] == environ["SHARQ_REDIS_URL"]


@pytest.mark.parametrize(
    "page",
    sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

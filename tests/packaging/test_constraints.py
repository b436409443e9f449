import configparser
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def normal(requirement: str) -> str:
    """Return the name in a requirement, in the one spelling that is compared."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def asked_for() -> set[str]:
    """Return the names that pyproject.toml and tox.ini ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tox = configparser.RawConfigParser()
    tox.read_string((ROOT / "tox.ini").read_text())
    requirements = [
        *project["dependencies"],
        *(extra for extras in project["optional-dependencies"].values() for extra in extras),
        *(line for name in tox.sections() for line in tox[name].get("deps", "").split()),
    ]
    return {normal(line) for line in requirements if not line.startswith("{")} | {"tox"}


def test_all_that_is_installed_is_pinned_by_name_and_version_alone() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert asked_for() <= {normal(pin) for pin in pins}

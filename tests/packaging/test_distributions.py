import configparser
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import editables
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "sharq_plug": ROOT / "sharq_plug",
    "sharq_memory": ROOT / "backends" / "sharq_memory",
    "sharq_redis": ROOT / "backends" / "sharq_redis",
}


def build(target: str, folder: Path, *, source: Path = ROOT) -> Path:
    """Build a distribution with the declared build backend, without a network."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=source,
        capture_output=True,
        check=True,
    )
    [built] = folder.iterdir()
    return built


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_every_file_of_the_three_packages_and_nothing_else(wheel: Path) -> None:
    expected = {
        f"{name}/{path.relative_to(folder)}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files(wheel) == expected


def test_the_wheel_carries_the_lua_scripts_and_says_that_it_is_typed(wheel: Path) -> None:
    carried = files(wheel)
    assert {f"{name}/py.typed" for name in PACKAGES} <= carried
    assert any(name.startswith("sharq_redis/lua/") and name.endswith(".lua") for name in carried)


def test_the_wheel_announces_the_command_and_both_backends(wheel: Path) -> None:
    announced = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/entry_points.txt")]
        announced.read_string(archive.read(name).decode())
    assert dict(announced["console_scripts"]) == {"sharq-server": "sharq_plug.__main__:main"}
    assert set(announced["sharq_plug.backends"]) == {"memory", "redis"}


def test_a_wheel_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    source = build("sdist", tmp_path / "sdist")
    with tarfile.open(source) as archive:
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(tmp_path / "unpacked", **safely)
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert files(build("wheel", tmp_path / "wheel", source=unpacked)) == files(wheel)


def test_an_editable_install_shows_the_three_packages_and_nothing_else(tmp_path: Path) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(build("wheel:editable", tmp_path / "wheel")) as archive:
        archive.extractall(site)
    [editables_folder] = editables.__path__
    shutil.copytree(editables_folder, site / "editables")  # what the editable wheel requires
    look = "import importlib.util, site, sys; site.addsitedir(sys.argv[1])\n"
    look += "print(*(name for name in sys.argv[2:] if importlib.util.find_spec(name)))"
    names = [*PACKAGES, "backends", "benchmarks", "docs", "loadtests", "tests"]
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", look, site, *names],
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(answer.stdout.split()) == set(PACKAGES)

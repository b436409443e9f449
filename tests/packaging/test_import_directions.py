"""Imports point one way. These tests read the sources; nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "sharq_plug"
BACKENDS = [ROOT / "backends" / "sharq_memory", ROOT / "backends" / "sharq_redis"]

SEAM = {"store", "model", "errors", "clock", "hookspecs"}
"""All of the server that a backend may know."""

LAYERS = {
    "": set[str](),
    "errors": set[str](),
    "clock": set[str](),
    "model": {"model", "errors"},
    "store": {"model"},
    "authenticator": {"model"},
    "hookspecs": {"store", "authenticator", "clock"},
    "plugins": {"hookspecs", "store", "authenticator", "clock", "errors"},
    "keys": {"keys", "authenticator", "hookspecs", "model", "errors"},
    "service": {"service", "store", "model", "errors"},
    "figures": {"figures", "model"},
    "http": {"http", "figures", "service", "store", "authenticator", "model", "errors", "clock"},
    "server": {
        *("", "server", "http", "figures", "service", "keys", "authenticator"),
        *("plugins", "hookspecs", "store", "model", "errors", "clock"),
    },
    "__main__": {"server"},
    "testing": {"testing", "plugins", *SEAM},
}
"""Each part of the server, and the parts that it may import."""

ROOMS = {
    "http.api": {"http.api"},
    "http.doors": {"http.api", "http.doors"},
    "http.corner": {"http.api", "http.doors", "http.corner"},
    "http.description": {"http.api", "http.doors", "http.corner", "http.description"},
    "http.wire": {"http.api", "http.doors", "http.corner", "http.description", "http.wire"},
}
"""Each room of `http`, and those that it may import."""

OWNERS = {
    "pluggy": {"plugins", "hookspecs"},
    "prometheus_client": set[str](),
    "sanic": {"http.wire"},
    "sanic_routing": set[str](),
    "httptools": set[str](),
    "uvloop": {"server", "testing"},
    "redis": set[str](),
    "hiredis": set[str](),
    "sortedcontainers": set[str](),
    "tomlkit": {"keys"},
    "sharq_memory": set[str](),
    "sharq_redis": set[str](),
    "pytest": {"testing"},
    "hypothesis": {"testing"},
}
"""Packages that only some parts of the server may import."""


def modules(package: Path) -> list[Path]:
    found = sorted(package.rglob("*.py"))
    assert found
    return found


def part(module: Path) -> str:
    """Return which part of the server a module belongs to: `http` for sharq_plug/http/app.py."""
    return module.relative_to(SERVER).parts[0].removesuffix(".py").removeprefix("__init__")


def room(module: Path) -> str:
    """Return the room of a module of `http`, `http.api` for sharq_plug/http/api/table.py, else "".

    The package `http` itself is none.
    """
    parts = module.relative_to(SERVER).parts
    return f"http.{parts[1]}" if parts[0] == "http" and len(parts) > 2 else ""


def imports(module: Path) -> Iterator[tuple[str, ...]]:
    """Yield the dotted names that a module imports, split, wherever in it they stand."""
    for node in ast.walk(ast.parse(module.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import hides its direction"
            for alias in node.names:
                yield (*(node.module or "").split("."), alias.name)


def server_parts(module: Path) -> set[str]:
    """Return the parts of the server that a module imports; "" is `sharq_plug` itself."""
    known = {part(other) for other in modules(SERVER)}
    return {
        name[1] if len(name) > 1 and name[1] in known else ""
        for name in imports(module)
        if name[0] == "sharq_plug"
    }


@pytest.mark.parametrize("module", modules(SERVER), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_part_of_the_server_imports_only_what_lies_below_it(module: Path) -> None:
    assert server_parts(module) <= LAYERS[part(module)]


@pytest.mark.parametrize("module", modules(SERVER), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_is_imported_only_where_it_belongs(module: Path) -> None:
    packages = {name[0] for name in imports(module)}
    places = {part(module), room(module)}
    assert not {name for name in packages & OWNERS.keys() if not places & OWNERS[name]}


@pytest.mark.parametrize(
    "module", modules(SERVER / "http"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_room_of_http_imports_only_what_lies_below_it(module: Path) -> None:
    imported = {
        f"http.{name[2]}"
        for name in imports(module)
        if name[:2] == ("sharq_plug", "http") and len(name) > 2
    }
    assert imported <= ROOMS.get(room(module), set())


def test_only_plugins_uses_the_plugin_manager() -> None:
    users = [
        part(module)
        for module in modules(SERVER)
        if any(
            isinstance(node, ast.Attribute | ast.alias | ast.Name)
            and "PluginManager" in ast.unparse(node)
            for node in ast.walk(ast.parse(module.read_bytes()))
        )
    ]
    assert users == ["plugins"]


@pytest.mark.parametrize("package", BACKENDS, ids=lambda path: path.name)
def test_a_backend_knows_the_seam_of_the_server_and_no_other_backend(package: Path) -> None:
    others = {other.name for other in BACKENDS} - {package.name}
    for module in modules(package):
        assert server_parts(module) <= SEAM, module
        assert not others & {name[0] for name in imports(module)}, module

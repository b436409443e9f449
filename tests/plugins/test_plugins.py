"""What a distribution can do wrong, and what is said of it."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from sharq_plug.errors import ConfigError
from sharq_plug.plugins import installed_backends, load_backend, open_store
from sharq_plug.server.config import Sources, load_settings

Install = Callable[..., None]

PLUGIN = """
    import msgspec
    from sharq_plug.hookspecs import Backend, hookimpl
    from sharq_plug.plugins import open_store

    class Options(msgspec.Struct, forbid_unknown_fields=True):
        colour: str = "red"

    @hookimpl
    def sharq_backend():
        return Backend(options=Options, open=open_backend, shared=False)

    def open_backend(options, clock):
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a distribution that claims a backend's name where Python finds it."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(
        code: str, *, name: str = "strange", distribution: str = "stranger", target: str = ""
    ) -> None:
        # A module stays imported, so no two tests may share a name.
        module = f"{tmp_path.name}_{distribution}"
        (tmp_path / f"{module}.py").write_text(dedent(code))
        info = tmp_path / f"{distribution}-2.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.1\n"
        )
        (info / "entry_points.txt").write_text(
            f"[sharq_plug.backends]\n{name} = {target or module}\n"
        )

    return install


def complaint(name: str = "strange", options: dict[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        open_store(name, options)
    return str(caught.value)


def test_a_strangers_backend_is_found_like_a_built_in_one(install: Install) -> None:
    install(PLUGIN + '        return open_store("memory")')
    assert installed_backends()["strange"] == "stranger 2.1"
    assert {"memory", "redis", "strange"} <= installed_backends().keys()
    assert type(open_store("strange")) is type(open_store("memory"))


def test_listing_the_backends_imports_none(install: Install) -> None:
    install("raise AssertionError('imported')")
    assert "strange" in installed_backends()


def test_an_unknown_name_is_answered_with_the_names_that_are_installed(install: Install) -> None:
    install(PLUGIN + "        ...")
    assert complaint("mermory") == (
        "there is no backend 'mermory'; installed: memory, redis, strange"
    )


def test_two_distributions_that_claim_one_name_are_both_named(install: Install) -> None:
    install(PLUGIN + "        ...", distribution="stranger")
    install(PLUGIN + "        ...", distribution="usurper")
    message = complaint()
    assert "stranger 2.1" in message
    assert "usurper 2.1" in message
    assert "uninstall all but one of them" in message


def test_a_driver_that_is_not_installed_is_named(install: Install) -> None:
    install("import driver_of_a_strange_database")
    assert complaint() == (
        "backend 'strange' needs the module 'driver_of_a_strange_database', which is not "
        "installed: install what stranger 2.1 requires"
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("from sharq_plug.model import no_such_thing", "cannot import name 'no_such_thing'"),
        ("sharq_backend = None", "it implements no hook sharq_backend"),
        (
            """
            from sharq_plug.hookspecs import hookimpl
            @hookimpl
            def sharq_backend(): return {"open": print}
            """,
            "its hook sharq_backend returned dict, not sharq_plug.hookspecs.Backend",
        ),
        (
            """
            from sharq_plug.hookspecs import hookimpl
            @hookimpl
            def sharq_backened(): ...
            """,
            "unknown hook 'sharq_backened'",
        ),
        (
            """
            from sharq_plug.hookspecs import hookimpl
            @hookimpl
            def sharq_backend(something_else): ...
            """,
            "something_else",
        ),
        (PLUGIN + "        return object()", "it opened a object, not a sharq_plug.store"),
        (
            PLUGIN
            + """
        from sharq_plug.store import QueueStore
        class Half(QueueStore):
            async def ping(self): ...
        return Half()
            """,
            "abstract method",
        ),
    ],
)
def test_a_backend_that_breaks_the_contract_is_refused_with_the_reason(
    install: Install, code: str, reason: str
) -> None:
    install(code)
    message = complaint()
    assert message.startswith("backend 'strange' is broken: ")
    assert reason in message


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ('"here"', "its address is a str, not sharq_plug.hookspecs.Address"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_address_that_is_none_is_refused_with_the_reason(
    install: Install, address: str, reason: str
) -> None:
    install(
        PLUGIN.replace("shared=False", f"shared=False, address=lambda options: {address}")
        + "        ..."
    )
    with pytest.raises(ConfigError) as caught:
        load_settings(Sources(flags={"backend": "strange"}))
    assert str(caught.value).startswith("backend 'strange' is broken: ")
    assert reason in str(caught.value)


def test_an_entry_point_that_leads_nowhere_is_refused(install: Install) -> None:
    install("", target="os:no_such_object")
    assert "no_such_object" in complaint()


def test_an_option_that_the_backend_does_not_know_is_named(install: Install) -> None:
    install(PLUGIN + "        ...")
    assert "`color`" in complaint(options={"color": "blue"})


def test_an_option_of_the_wrong_type_is_named(install: Install) -> None:
    install(PLUGIN + "        ...")
    assert "`$.colour`" in complaint(options={"colour": 7})


def test_the_options_of_a_backend_are_a_structure_with_a_default_for_each() -> None:
    for name in ("memory", "redis"):
        options = load_backend(name).options
        assert issubclass(options, msgspec.Struct)
        options()

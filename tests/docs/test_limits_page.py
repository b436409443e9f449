"""What docs/limits.md shows is what the server answers, and what the code says."""

import re
from pathlib import Path

from benchmarks import burst
from sharq_plug.http.api.settings import DefaultsPatch, QueuePatch, TypePatch
from sharq_plug.model import HoldKind
from support.curl_lines import check_curl_lines
from support.readme import README, ROOT, quoted, table
from support.server import ServerProcess

PAGE = (ROOT / "docs" / "limits.md").read_text()


def test_every_curl_line_gives_what_stands_below_it(server: ServerProcess) -> None:
    check_curl_lines(PAGE, server.url)


def test_the_plot_is_what_the_memory_store_gives(tmp_path: Path) -> None:
    burst.draw(tmp_path / "limits.svg")
    assert (tmp_path / "limits.svg").read_text() == burst.PLOT.read_text()
    assert "](limits.svg)" in PAGE


def test_the_table_of_settings_is_that_of_the_bodies() -> None:
    told: dict[str, set[str]] = {"queue": set(), "type": set(), "defaults": set()}
    for cells in table("setting", PAGE):
        [name] = quoted(cells[0])
        for target, cell in zip(told, cells[2:], strict=True):
            assert cell in {"yes", "no"}
            if cell == "yes":
                told[target].add(name)
    assert told == {
        "queue": set(QueuePatch.__struct_fields__),
        "type": set(TypePatch.__struct_fields__) - {"defaults"},
        "defaults": set(DefaultsPatch.__struct_fields__),
    }


def test_each_hold_is_explained() -> None:
    assert [quoted(row[0])[0] for row in table("`hold`", PAGE)] == [kind.value for kind in HoldKind]


def test_the_page_is_linked_from_the_readme() -> None:
    assert "](docs/limits.md)" in README
    assert re.match(r"# Limits\n", PAGE)

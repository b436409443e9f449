"""README.md as something that can be tested."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8080"
"""Where the examples expect the server."""


def blocks(language: str, page: str = README) -> list[str]:
    """Return the code blocks of a page that are in a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)


def block(language: str, containing: str) -> str:
    """Return the one code block in a language that contains a text."""
    [found] = [code for code in blocks(language) if containing in code]
    return found


def table(title: str, page: str = README) -> list[list[str]]:
    """Return the rows of the one table whose first column has this title."""
    found = re.search(rf"^\| {re.escape(title)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert found, title
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[1].splitlines()]


def quoted(cell: str) -> list[str]:
    """Return what stands between backticks in a cell."""
    return re.findall(r"`([^`]*)`", cell)


def acl_rule(password: str) -> list[str]:
    """Return the words of the ACL rule in docs/redis.md, with a password."""
    text = (ROOT / "docs" / "redis.md").read_text()
    [rule] = re.findall(r"^ACL SETUSER sharq (.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [word.replace("PASSWORD", password) for word in rule.split()]

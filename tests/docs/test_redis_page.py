"""What docs/redis.md says is what the Redis backend does. Its ACL rule has a test of its own."""

import re

import pytest

from sharq_plug.errors import Overloaded
from sharq_redis import refusals
from sharq_redis.options import LOCATION_KEYS
from sharq_redis.url import SCHEMES, TLS_OPTIONS
from support.readme import ROOT

PAGE = (ROOT / "docs" / "redis.md").read_text()
SENTENCES = {public for _, _, public in refusals.KINDS} | {
    refusals.NO_ANSWER,
    refusals.FAILED,
    str(Overloaded()),
}


def test_the_page_has_every_sentence_for_clients_and_no_other() -> None:
    assert set(re.findall(r"^\| `(The (?:store|server) .*?)` \|", PAGE, re.MULTILINE)) == SENTENCES


def test_the_page_says_how_a_strict_service_is_told() -> None:
    [meaning] = [text for _, text, _ in refusals.KINDS if "does not declare" in text]
    assert f"`{meaning.partition(' (')[0]}`" in " ".join(PAGE.split())
    for told in ("script_check_enable", "--lock_on_hashtags", "allow-undeclared-keys"):
        assert told in PAGE


@pytest.mark.parametrize("name", [*TLS_OPTIONS, *LOCATION_KEYS])
def test_the_page_names_each_option_and_each_key_that_does_not_count(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_shows_each_form_of_a_url() -> None:
    assert set(re.findall(r"^(\w+)://\[\[", PAGE, re.MULTILINE)) == set(SCHEMES)

"""The kit itself: no test of it hides another."""

from collections import Counter

from sharq_plug.testing import StoreConformance


def test_each_test_of_the_kit_has_a_name_of_its_own() -> None:
    found = Counter(
        name for base in StoreConformance.__mro__ for name in vars(base) if name[:5] == "test_"
    )
    assert len(found) > 300
    assert [name for name, times in found.items() if times > 1] == []

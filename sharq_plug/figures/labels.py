"""Which types have series of their own in what a process counts."""

from bisect import bisect_left

from sharq_plug.model import OTHER_TYPES

MAX_SEEN = 10_000
"""Types whose names are kept. Those that come after them are among the others."""


class TypeLabels(dict[str, str]):
    """The label of each type: its name for the first ones by name, OTHER_TYPES for the rest.

    It is a dictionary, since each delivery looks up a label: of a type that it does not have it
    makes one.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._given = 0
        self._seen: list[str] = []

    def __missing__(self, queue_type: str) -> str:
        at = bisect_left(self._seen, queue_type)
        if len(self._seen) >= MAX_SEEN:
            return OTHER_TYPES
        self._seen.insert(at, queue_type)
        if at < self._most < len(self._seen):  # another one is among the others now
            self[self._seen[self._most]] = OTHER_TYPES
        has_room = self._given < 2 * self._most  # ever smaller names could go on without end
        label = queue_type if at < self._most and has_room else OTHER_TYPES
        self._given += label is not OTHER_TYPES
        self[queue_type] = label
        return label

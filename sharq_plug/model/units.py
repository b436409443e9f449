"""Units: what limits count, and what jobs cost of them."""

from collections.abc import Mapping

from sharq_plug.model.names import check_integer, check_name, invalid

__all__ = ["JOB_UNIT", "MAX_COST", "MAX_UNITS", "check_cost", "units_of"]

MAX_UNITS = 8
"""Units that one job may cost."""
MAX_COST = 1_000_000
JOB_UNIT = "job"
"""The unit that a limit counts unless it names another. Each job costs at least one."""


def check_cost(field: str, cost: Mapping[str, int]) -> None:
    """Raise InvalidRequest that names `field` unless this can be what a job costs."""
    if len(cost) > MAX_UNITS:
        raise invalid(field)
    for unit, amount in cost.items():
        if not isinstance(unit, str):
            raise invalid(field)
        check_name(field, unit)
        check_integer(field, amount, 1 if unit == JOB_UNIT else 0, MAX_COST)


def units_of(cost: Mapping[str, int] | None, unit: str) -> int:
    """Return how many of a unit a job of this cost takes: one `job`, unless it says otherwise."""
    default = 1 if unit == JOB_UNIT else 0
    return default if cost is None else cost.get(unit, default)

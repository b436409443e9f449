"""Values at their bounds and past them: what no store is ever given."""

from typing import Any

import pytest

from sharq_plug.errors import InvalidRequest
from sharq_plug.model import (
    MAX_COST,
    MAX_DURATION,
    MAX_ERROR_LENGTH,
    MAX_FACTOR,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_INSTANT,
    MAX_INTEGER,
    MAX_KEY_TIME,
    MAX_NAMED_QUEUES,
    MAX_PRIORITY,
    MAX_UNITS,
    Clear,
    Deduplicate,
    Extend,
    Extras,
    Fail,
    JobRef,
    Jobs,
    JobState,
    LeaseRef,
    LetterRange,
    LetterRef,
    Letters,
    Queues,
    Release,
    RequeueDelay,
    Reschedule,
    Retention,
    Take,
)

KEPT = 1000


def test_a_longer_error_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="`error`"):
        Fail(LeaseRef("q", "j", "token"), "x" * (MAX_ERROR_LENGTH + 1))


@pytest.mark.parametrize("lease_time", [0, -1, MAX_DURATION + 1, True])
def test_an_extension_is_1_ms_at_least_and_has_a_bound(lease_time: int) -> None:
    with pytest.raises(InvalidRequest, match="`for`"):
        Extend(LeaseRef("q", "j", "token"), lease_time)


@pytest.mark.parametrize("queues", [(), ("q", "no name"), ("q",) * 101])
def test_a_take_names_1_to_100_queues(queues: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="`queues`"):
        Take(1, 1000, queues=queues)


def test_a_delay_and_an_at_exclude_each_other() -> None:
    with pytest.raises(InvalidRequest, match="`delay` and `at`"):
        Extras(delay=0, at=0)


@pytest.mark.parametrize("kind", [Release, Fail])
@pytest.mark.parametrize("delay", [-1, MAX_DURATION + 1, True])
def test_a_delay_has_bounds(kind: type[Any], delay: int) -> None:
    with pytest.raises(InvalidRequest, match="`delay`"):
        kind(LeaseRef("q", "j", "token"), delay=delay)


@pytest.mark.parametrize(
    "values",
    [
        *((first, 1, 0) for first in (-1, MAX_DURATION + 1, True)),
        *((0, factor, 0) for factor in (0, -1, MAX_FACTOR + 1, True)),
        *((0, 1, most) for most in (-1, MAX_DURATION + 1, True)),
    ],
)
def test_a_requeue_delay_has_bounds(values: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidRequest, match="`requeue_delay`"):
        RequeueDelay(*values)


def test_any_number_of_penalties_is_reckoned_with_at_once() -> None:
    assert RequeueDelay(1, MAX_FACTOR).after(10**9) == MAX_DURATION


@pytest.mark.parametrize("priority", [-1, MAX_PRIORITY + 1, True])
def test_a_priority_is_an_integer_from_0_to_9(priority: int) -> None:
    with pytest.raises(InvalidRequest, match="`priority`"):
        Extras(priority=priority)


@pytest.mark.parametrize("ttl", [0, -1, MAX_DURATION + 1, True])
def test_a_ttl_is_1_ms_at_least_and_has_a_bound(ttl: int) -> None:
    with pytest.raises(InvalidRequest, match="`ttl`"):
        Extras(ttl=ttl)


@pytest.mark.parametrize("key", ["", "k" * 101, "two words", "..", "\u00e4"])
def test_a_key_is_a_name(key: str) -> None:
    with pytest.raises(InvalidRequest, match="`key`"):
        Deduplicate(key, KEPT)


@pytest.mark.parametrize("keep_for", [0, -1, MAX_KEY_TIME + 1, True])
def test_a_key_is_kept_for_1_ms_at_least_and_7_days_at_most(keep_for: int) -> None:
    with pytest.raises(InvalidRequest, match="`for`"):
        Deduplicate("key", keep_for)


@pytest.mark.parametrize("delay", [-1, MAX_DURATION + 1, True])
def test_the_delay_of_a_new_job_has_bounds(delay: int) -> None:
    with pytest.raises(InvalidRequest, match="`delay`"):
        Extras(delay=delay)


@pytest.mark.parametrize("at", [-1, MAX_INSTANT + 1, True])
def test_an_at_has_bounds(at: int) -> None:
    with pytest.raises(InvalidRequest, match="`at`"):
        Extras(at=at)


@pytest.mark.parametrize(
    "cost",
    [
        {f"unit{n}": 1 for n in range(MAX_UNITS + 1)},
        {"job": 0},
        {"job": MAX_COST + 1},
        {"tokens": -1},
        {"tokens": True},
        {"two words": 1},
        {"": 1},
        {"u" * 101: 1},
    ],
)
def test_a_cost_has_bounds(cost: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest, match="`cost`"):
        Extras(cost=cost)


@pytest.mark.parametrize(
    "headers",
    [
        {str(n): "" for n in range(MAX_HEADERS + 1)},
        {"a": "x" * MAX_HEADER_BYTES},
        {"x" * MAX_HEADER_BYTES: "a"},
        {"a": "\u00e4" * (MAX_HEADER_BYTES // 2)},
    ],
)
def test_headers_have_bounds(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match="`headers`"):
        Extras(headers=headers)


def test_another_delay_and_an_at_of_a_job_exclude_each_other() -> None:
    with pytest.raises(InvalidRequest, match="`delay` and `at`"):
        Reschedule(JobRef("q", "j"), delay=0, at=0)


@pytest.mark.parametrize("count", [0, MAX_NAMED_QUEUES + 1])
def test_a_take_names_one_queue_at_least_and_has_a_bound(count: int) -> None:
    with pytest.raises(InvalidRequest, match="`queues`"):
        Take(1, 1000, queues=("q",) * count)


def test_a_take_names_queues_by_names() -> None:
    with pytest.raises(InvalidRequest, match="`queues`"):
        Take(1, 1000, queues=("q", "no name"))


@pytest.mark.parametrize("number", [0, -1, MAX_INTEGER + 1, True])
def test_letters_are_numbered_from_1_on(number: int) -> None:
    with pytest.raises(InvalidRequest, match="`letters`"):
        LetterRef(number)


@pytest.mark.parametrize("after", [-1, MAX_INTEGER + 1, True])
def test_a_range_of_letters_begins_after_a_number(after: int) -> None:
    with pytest.raises(InvalidRequest, match="`after`"):
        LetterRange(after=after)


@pytest.mark.parametrize(
    "make",
    [
        lambda queue_id: LetterRef(1, queue_id),
        LetterRange,
        Clear,
        Letters,
        lambda queue_id: Jobs(queue_id, JobState.WAITING),
    ],
)
@pytest.mark.parametrize("queue_id", ["", "no name", "..", "q" * 101])
def test_what_is_asked_of_a_queue_names_it(make: Any, queue_id: str) -> None:
    with pytest.raises(InvalidRequest, match="`queue_id`"):
        make(queue_id)


@pytest.mark.parametrize("prefix", [" ", "a b", "a*", "\u00e9", "x" * 101, "." * 100])
def test_a_prefix_can_begin_a_name(prefix: str) -> None:
    with pytest.raises(InvalidRequest, match="`prefix`"):
        Queues(prefix)


@pytest.mark.parametrize("prefix", ["", ".", "." * 99, "x" * 100, "a.", "+"])
def test_what_can_begin_a_name_is_a_prefix(prefix: str) -> None:
    assert Queues(prefix).prefix == prefix


@pytest.mark.parametrize("max_age", [-1, MAX_DURATION + 1, True])
def test_the_longest_age_of_a_letter_has_bounds(max_age: int) -> None:
    with pytest.raises(InvalidRequest, match="`max_age`"):
        Retention(max_age=max_age)


@pytest.mark.parametrize("max_count", [-1, MAX_INTEGER + 1, True])
def test_the_number_of_letters_that_are_kept_has_bounds(max_count: int) -> None:
    with pytest.raises(InvalidRequest, match="`max_count`"):
        Retention(max_count=max_count)

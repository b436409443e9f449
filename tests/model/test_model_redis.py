"""The Redis store against the memory store, and against the rules."""

from model.emptying import emptying, nothing_is_left_for_good
from model.running import SEQUENCES, run_all
from redis import Redis

from sharq_plug import plugins
from sharq_plug.testing.model_check import model_check


def test_redis_answers_every_sequence_as_memory_does_and_keeps_every_rule(
    redis: Redis, options: dict[str, object]
) -> None:
    open_store = emptying(redis, lambda clock: plugins.open_store("redis", options, clock=clock))
    machine = model_check(open_store, when_emptied=lambda: nothing_is_left_for_good(redis))
    run_all(machine, SEQUENCES * 4 // 5)

"""The model check: a Hypothesis state machine that drives a store through every verb."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sharq_plug.model import Retention
from sharq_plug.plugins import open_store
from sharq_plug.store import QueueStore
from sharq_plug.testing.clock import ManualClock
from sharq_plug.testing.model_check.drawing import is_limited, is_shared
from sharq_plug.testing.model_check.drawn_steps import steps
from sharq_plug.testing.model_check.history import History
from sharq_plug.testing.model_check.steps import Step
from sharq_plug.testing.model_check.twins import PATIENCE, Inspect, OpenStore, Twins
from sharq_plug.testing.model_check.values import RETENTIONS
from sharq_plug.testing.model_check.walk import TYPES, Walk


class StoreMachine(RuleBasedStateMachine):
    """Drive a store, and a reference beside it; at the end drain them."""

    def __init__(
        self,
        open_store: OpenStore,
        reference: OpenStore | None,
        inspect: Inspect | None,
        when_emptied: Callable[[], None] | None,
        patience: float = PATIENCE,
        *,
        settings: bool | None = None,
        sharing: bool | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._sharing = sharing
        self._twins = Twins(open_store, reference, inspect, patience)
        self._walk = Walk(self._twins)
        self._when_emptied = when_emptied
        self._has_failed = False
        self._runner = asyncio.Runner()
        try:
            self._run(self._twins.open())
        except BaseException:
            self._runner.close()
            raise

    @initialize(retention=st.sampled_from(RETENTIONS), is_limited=is_limited, is_shared=is_shared)
    def keep(self, retention: Retention, *, is_limited: bool, is_shared: bool) -> None:
        """Settle how long dead letters are kept, and whether there are settings, shared limits."""
        self._twins.retention = retention
        asked = ((self._settings, is_limited), (self._sharing, is_shared))
        if any(wanted not in {None, drawn} for wanted, drawn in asked):
            self._has_failed = True  # nothing is to be drained
            reject()

    @rule(step=steps)
    def take(self, step: Step) -> None:
        """Take one step of the walk."""
        self._run(step.take(self._walk))

    def history(self) -> History:
        """Return what the store was asked and answered so far."""
        return self._twins.history()

    def teardown(self) -> None:
        """Compare the final state, check the history, drain the stores and look again."""
        try:
            if not self._has_failed:
                self._run(self._drain())
                if self._when_emptied is not None:
                    self._when_emptied()
        finally:
            self._runner.run(self._twins.close())
            self._runner.close()

    async def _drain(self) -> None:
        await self._walk.compare_state()
        self._twins.check()
        for queue_type in TYPES:
            await self._walk.finish_all(queue_type)
        await self._walk.purge_all()
        await self._walk.compare_state()
        await self._twins.health()
        await self._twins.leave_all()
        self._twins.check_all()

    def _run(self, call: Coroutine[Any, Any, None]) -> None:
        try:
            self._runner.run(call)
        except BaseException:
            self._has_failed = True
            raise


def open_reference(clock: ManualClock) -> QueueStore:
    """Open the store that others are held against: the memory backend's."""
    return open_store("memory", clock=clock)


def model_check(
    open_store: OpenStore,
    *,
    reference: OpenStore | None = open_reference,
    inspect: Inspect | None = None,
    when_emptied: Callable[[], None] | None = None,
    patience: float = PATIENCE,
    settings: bool | None = None,
    sharing: bool | None = None,
) -> type[StoreMachine]:
    """Return a state machine that drives the stores of `open_store` through random calls.

    Each sequence of calls has a store of its own: `open_store` is given a clock and returns a
    store that is empty, goes by that clock and is not entered yet. Every answer is compared with
    that of `reference` (None: with nothing), and the history is judged by
    `sharq_plug.testing.model_check.check`. `inspect` is called with each open store after every
    call. At the end everything is drained and purged, and `when_emptied` may look at what is left.
    A wake-up must come within `patience` seconds; with 0, before its call is answered. `settings`
    says whether all sequences change settings, or none; by default about half of them do. `sharing`
    says whether all sequences have shared limits, or none; by default half of those with settings.

        TestMyStore = model_check(lambda clock: MyStore(clock)).TestCase

    How many sequences there are, and of how many steps, Hypothesis's settings say
    (`max_examples`, `stateful_step_count`); `TestMyStore.settings` takes them. Raises AnswersDiffer
    or RulesBroken.
    """

    class ModelCheck(StoreMachine):
        def __init__(self) -> None:
            super().__init__(
                open_store,
                reference,
                inspect,
                when_emptied,
                patience,
                settings=settings,
                sharing=sharing,
            )

    return ModelCheck

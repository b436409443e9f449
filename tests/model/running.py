"""How the state machines of these tests are run: how many sequences, from which seed."""

import os
from collections.abc import Sequence

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from model.rare import RARELY_MET

from sharq_plug.testing.model_check import StoreMachine

STEPS = 50
SEQUENCES = int(os.environ.get("SHARQ_MODEL_SEQUENCES", "200"))
"""Sequences of STEPS steps in all: four of five on Redis, the others on memory alone."""
SEED = int(os.environ.get("SHARQ_MODEL_SEED", "1"))
IS_LONG = SEQUENCES >= 10_000
"""Whether this is `tox -e model`."""
FAULT_SEED = 1
FAULT_SEQUENCES = 1000
"""A seeded fault must show within so many sequences, whatever SHARQ_MODEL_SEED is."""


in_the_long_run = pytest.mark.skipif(not IS_LONG, reason="takes minutes: tox -e model")


def rarely_met(fault: str) -> Sequence[pytest.MarkDecorator]:
    """Return the marks of a test that looks for a fault among random sequences."""
    return [in_the_long_run] if fault in RARELY_MET else []


def run(machine: type[StoreMachine], sequences: int, *, seed: int, phases: Sequence[Phase]) -> None:
    """Run sequences from a seed; without Phase.shrink the first failure ends it."""
    hypothesis.reporting.report(f"{sequences} sequences of {STEPS} steps, seed {seed}")
    run_state_machine_as_test(
        hypothesis.seed(seed)(machine),
        settings=settings(
            max_examples=sequences,
            stateful_step_count=STEPS,
            phases=phases,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def run_all(machine: type[StoreMachine], sequences: int) -> None:
    """Hold a store to its model, and shrink what fails.

    Hypothesis ends about a tenth of its sequences early; so there are as many more.
    """
    run(machine, sequences * 8 // 7, seed=SEED, phases=[Phase.generate, Phase.shrink])


def run_in_vain(machine: type[StoreMachine]) -> None:
    """Show that a fault is not found by a few sequences: they do not even come near it."""
    run(machine, FAULT_SEQUENCES // 20, seed=FAULT_SEED, phases=[Phase.generate])


def run_until_caught(machine: type[StoreMachine]) -> None:
    """Look for a fault, and raise at the first sequence that shows it."""
    run(machine, FAULT_SEQUENCES, seed=FAULT_SEED, phases=[Phase.generate])

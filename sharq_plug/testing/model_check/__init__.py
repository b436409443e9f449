"""The model check: any store against a reference, and any history against the contract.

`model_check` makes a Hypothesis state machine that drives a store (`pip install hypothesis`).
`check` judges a history by itself: one that a `RecordingStore` wrote, or one that a `Recorder` was
told by callers of any kind, many at a time and some without an answer.
"""

from sharq_plug.testing.model_check.checker import check
from sharq_plug.testing.model_check.history import Event, History, merge
from sharq_plug.testing.model_check.machine import StoreMachine, model_check
from sharq_plug.testing.model_check.operations import Operation
from sharq_plug.testing.model_check.recording import Recorder, RecordingStore
from sharq_plug.testing.model_check.twins import AnswersDiffer, OpenStore, RulesBroken
from sharq_plug.testing.model_check.violations import Rule, Violation

__all__ = [
    "AnswersDiffer",
    "Event",
    "History",
    "OpenStore",
    "Operation",
    "Recorder",
    "RecordingStore",
    "Rule",
    "RulesBroken",
    "StoreMachine",
    "Violation",
    "check",
    "merge",
    "model_check",
]

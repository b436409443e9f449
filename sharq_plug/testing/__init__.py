"""What the author of a backend needs to test it: the conformance kit and a clock set by hand."""

from sharq_plug.testing.clock import ManualClock

__all__ = ["ManualClock"]

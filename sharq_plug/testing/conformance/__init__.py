"""The conformance suite, a class for each concept of the contract."""

from sharq_plug.testing.conformance.base import OpenStore
from sharq_plug.testing.conformance.suite import StoreConformance

__all__ = ["OpenStore", "StoreConformance"]

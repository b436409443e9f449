"""A rate-limited, multi-tenant job queue server that speaks the SharQ Server HTTP API."""

__version__ = "0.1.0"

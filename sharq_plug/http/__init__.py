"""The HTTP API: SharQ's routes over a QueueService."""

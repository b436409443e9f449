"""A backend for sharq-plug that keeps its queues in SQLite."""

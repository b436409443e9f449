"""A queue store in the memory of one process, on sortedcontainers."""

"""Everything that touches the inside of Sanic, and nothing else does."""

"""The API itself: its table of verbs, its bodies, its replies. Nothing here knows Sanic."""

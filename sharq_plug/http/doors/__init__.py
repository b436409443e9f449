"""Who may come in: callers and their sessions, what they may use, and what is noted of it."""

from sharq_plug.http.doors.admission import NOBODY, Doors

__all__ = ["NOBODY", "Doors"]

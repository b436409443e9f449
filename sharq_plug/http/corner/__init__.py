"""The server's own corner, `/-/`: what it says about itself rather than about queues."""

from sharq_plug.http.corner.metrics import FIGURES
from sharq_plug.http.corner.probes import PROBES
from sharq_plug.http.corner.sessions import SESSIONS

CORNER = (*PROBES, *FIGURES, *SESSIONS)
"""A row for each thing that lives under `/-/`."""

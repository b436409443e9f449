"""The server's own corner, `/-/`: what it says about itself rather than about queues."""

from sharq_plug.http.corner.probes import PROBES

CORNER = PROBES
"""A row for each thing that lives under `/-/`."""

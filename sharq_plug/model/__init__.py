"""The vocabulary as values: frozen, checked at construction, the same for every backend.

All times are integer milliseconds since the epoch, all durations integer milliseconds.
"""

from sharq_plug.model.amendments import *
from sharq_plug.model.callers import *
from sharq_plug.model.jobs import *
from sharq_plug.model.leases import *
from sharq_plug.model.letters import *
from sharq_plug.model.limits import *
from sharq_plug.model.listings import *
from sharq_plug.model.names import *
from sharq_plug.model.settings import *
from sharq_plug.model.tokens import *
from sharq_plug.model.units import *
from sharq_plug.model.views import *

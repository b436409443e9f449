"""Set the clock of every Python process that finds this module by so many seconds."""

import os
import time

AHEAD = int(os.environ["SECONDS_AHEAD"])

_time, _time_ns = time.time, time.time_ns

time.time = lambda: _time() + AHEAD
time.time_ns = lambda: _time_ns() + AHEAD * 1_000_000_000

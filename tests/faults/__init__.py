"""Real servers under real faults, judged by the records of their clients."""

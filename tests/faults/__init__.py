"""Real servers, real faults, and what the clients' records then say."""

"""Choose the server for each call. Only this package knows how many servers there are."""

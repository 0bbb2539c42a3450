"""The HTTP API, one file a subject; each has a `router`."""

"""One file a published system: what it claims, and the trials of that."""

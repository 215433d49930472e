"""One suite per promise, run over every implementation."""

"""One file per outside system that the service speaks to."""

"""One text file per model call."""

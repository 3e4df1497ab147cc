"""Where evidence for a question comes from."""

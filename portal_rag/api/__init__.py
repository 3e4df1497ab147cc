"""HTTP in and out of the service."""

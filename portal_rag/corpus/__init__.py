"""What the indexer writes and the service reads; no HTTP in it."""

"""The indexer: keeps the vector index true to the catalog and its documentation."""

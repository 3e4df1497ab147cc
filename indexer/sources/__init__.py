"""One file per source of documents; none knows another."""

"""`python -m indexer`, the same as `portal-index`."""

from indexer.cli import main

main()

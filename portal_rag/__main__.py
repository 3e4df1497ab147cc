"""`python -m portal_rag` is `portal-rag`."""

from portal_rag.cli import main

main()

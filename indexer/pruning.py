"""Removes what is gone from the sources that could be read."""

from collections.abc import Sequence

from portal_rag.corpus.store import IndexWriter


async def prune(writer: IndexWriter, chunk_ids: Sequence[str]) -> None:
    """Delete these chunks; an empty list asks the store for nothing."""
    if chunk_ids:
        await writer.delete(chunk_ids)

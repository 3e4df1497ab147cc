"""How much of each part of a source is in the index after a run."""

from collections.abc import Mapping

from indexer.changes import Changes
from portal_rag.corpus.store import Content, StoredMark


def contents_of(
    stored: Mapping[str, Mapping[str, StoredMark]], changes: Changes
) -> Mapping[str, Content]:
    """Count what was stored, less what goes, plus what comes."""
    deleted = {*changes.gone_ids, *changes.to_trim}
    held = {
        part: {key: mark.document_path for key, mark in marks.items() if key not in deleted}
        for part, marks in stored.items()
    }
    for chunk in changes.to_embed:
        held.setdefault(chunk.source, {})[chunk.id] = chunk.document_path
    return {
        part: Content(documents=len(set(chunks.values())), chunks=len(chunks))
        for part, chunks in held.items()
    }

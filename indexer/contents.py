"""How much of each part of a source is in the index after a run."""

from collections.abc import Mapping

from indexer.changes import Changes
from portal_rag.corpus.store import Content, StoredMark


def contents_of(
    stored: Mapping[str, Mapping[str, StoredMark]], changes: Changes
) -> Mapping[str, Content]:
    """Count what was stored, less what goes, plus what comes."""
    deleted = changes.gone_ids | changes.trimmed
    contents = {}
    for part in {*stored, *changes.added}:
        marks = stored.get(part, {})
        held = [mark.document_path for key, mark in marks.items() if key not in deleted]
        added = changes.added.get(part, {})
        contents[part] = Content(
            documents=len({*held, *added}), chunks=len(held) + sum(added.values())
        )
    return contents

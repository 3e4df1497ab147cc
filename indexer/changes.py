"""What a run has to do: the chunks that were seen, compared with those that are stored."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.store import StoredMark


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The work of one run over one source; `to_delete` holds chunk ids."""

    to_embed: tuple[Chunk, ...]
    to_rewrite: tuple[Chunk, ...]
    to_delete: tuple[str, ...]
    unchanged: int

    @property
    def is_nothing(self) -> bool:
        return not (self.to_embed or self.to_rewrite or self.to_delete)


def compare(
    seen: Iterable[Chunk],
    stored: Mapping[str, StoredMark],
    *,
    was_unread: Callable[[str], bool],
) -> Changes:
    """Find what is new or changed, what only moved or changed hands, and what is gone.

    A stored document that was not seen is gone, unless `was_unread` says that its path could not
    be read this time: then nobody knows, and it stays.
    """
    chunks = {chunk.id: chunk for chunk in seen}
    texts, metadata = [], []
    for chunk_id, chunk in chunks.items():
        mark = stored.get(chunk_id)
        if mark is None or mark.content_hash != chunk.content_hash:
            texts.append(chunk)
        elif mark.metadata_hash != chunk.metadata_hash:
            metadata.append(chunk)
    return Changes(
        to_embed=tuple(texts),
        to_rewrite=tuple(metadata),
        to_delete=_gone(chunks, stored, was_unread),
        unchanged=len(chunks) - len(texts) - len(metadata),
    )


def _gone(
    chunks: Mapping[str, Chunk],
    stored: Mapping[str, StoredMark],
    was_unread: Callable[[str], bool],
) -> tuple[str, ...]:
    read = {chunk.document_path for chunk in chunks.values()}
    return tuple(
        chunk_id
        for chunk_id, mark in stored.items()
        if chunk_id not in chunks
        and (mark.document_path in read or not was_unread(mark.document_path))
    )

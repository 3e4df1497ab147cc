"""What a run has to do: the chunks that were seen, compared with those that are stored."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.store import StoredMark

_ENDS_OF_SCOPES = "/#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one part of a source does not hold any more: so many of its documents."""

    part: str
    documents: int
    of_documents: int
    chunk_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The work of one run over one source.

    `to_withdraw` are chunks whose text and governing entity both changed: the old text must not
    stay until the new one is embedded. `to_trim` are the ends of documents that became shorter.
    `gone` are whole documents, `refused` those that are not to be deleted unasked.
    """

    to_embed: tuple[Chunk, ...]
    to_rewrite: tuple[Chunk, ...]
    to_withdraw: tuple[str, ...]
    to_trim: tuple[str, ...]
    gone: tuple[Loss, ...]
    refused: tuple[Loss, ...] = ()
    unchanged: int
    changes_hands: bool

    @property
    def gone_ids(self) -> tuple[str, ...]:
        return tuple(chunk_id for loss in self.gone for chunk_id in loss.chunk_ids)

    @property
    def is_nothing(self) -> bool:
        return not (self.to_embed or self.to_rewrite or self.to_trim or self.gone)

    @property
    def narrows(self) -> bool:
        """Whether somebody may read less than before, or other people may."""
        return self.changes_hands or bool(self.gone)


class Comparison:
    """Compares documents as they come; keeps the text of what changed alone."""

    def __init__(self, stored: Mapping[str, Mapping[str, StoredMark]]) -> None:
        """Start from what is stored of each part, by chunk id."""
        self._stored = stored
        self._marks = {key: mark for marks in stored.values() for key, mark in marks.items()}
        self._seen: set[str] = set()
        self._read: set[str] = set()
        self._kept: set[str] = set()
        self._texts: list[Chunk] = []
        self._metadata: list[Chunk] = []
        self._withdrawn: list[str] = []
        self._changes_hands = False

    def see(self, chunks: Iterable[Chunk]) -> None:
        """Take all chunks of a document."""
        for chunk in chunks:
            self._read.add(chunk.document_path)
            if chunk.id not in self._seen:
                self._seen.add(chunk.id)
                self._place(chunk, self._marks.get(chunk.id))

    def keep(self, scope: str) -> None:
        """Take all that is stored below a scope as seen and unchanged."""
        self._kept.add(scope)

    def changes(self, *, was_unread: Callable[[str], bool]) -> Changes:
        """Say what is to be done.

        A stored document that was not seen is gone, unless `was_unread` says that its path could
        not be read this time: then nobody knows, and it stays.
        """
        trimmed: list[str] = []
        gone: list[Loss] = []
        for part, marks in self._stored.items():
            trimmed += (
                chunk_id
                for chunk_id, mark in marks.items()
                if chunk_id not in self._seen and mark.document_path in self._read
            )
            if loss := self._loss(part, marks, was_unread):
                gone.append(loss)
        kept = sum(self._is_kept(mark.document_path) for mark in self._marks.values())
        touched = len(self._texts) + len(self._metadata)
        return Changes(
            to_embed=tuple(self._texts),
            to_rewrite=tuple(self._metadata),
            to_withdraw=tuple(self._withdrawn),
            to_trim=tuple(trimmed),
            gone=tuple(gone),
            unchanged=len(self._seen) - touched + kept,
            changes_hands=self._changes_hands,
        )

    def _place(self, chunk: Chunk, mark: StoredMark | None) -> None:
        changes_hands = mark is not None and mark.resource_ref != str(chunk.resource_ref)
        self._changes_hands |= changes_hands
        if mark is None or mark.content_hash != chunk.content_hash:
            self._texts.append(chunk)
            if changes_hands:
                self._withdrawn.append(chunk.id)
        elif mark.metadata_hash != chunk.metadata_hash:
            self._metadata.append(chunk)

    def _loss(
        self, part: str, marks: Mapping[str, StoredMark], was_unread: Callable[[str], bool]
    ) -> Loss | None:
        documents = {mark.document_path for mark in marks.values()}
        lost = {path for path in documents if self._is_lost(path, was_unread)}
        if not lost:
            return None
        return Loss(
            part=part,
            documents=len(lost),
            of_documents=len(documents),
            chunk_ids=tuple(key for key, mark in marks.items() if mark.document_path in lost),
        )

    def _is_lost(self, path: str, was_unread: Callable[[str], bool]) -> bool:
        return not (path in self._read or self._is_kept(path) or was_unread(path))

    def _is_kept(self, path: str) -> bool:
        if not self._kept or path in self._read:
            return False
        return any(scope in self._kept for scope in scopes_of(path))


def scopes_of(path: str) -> Iterator[str]:
    """Give every start of a document path that may be a scope."""
    ends = (end for end, character in enumerate(path, start=1) if character in _ENDS_OF_SCOPES)
    return (path[:end] for end in ends)

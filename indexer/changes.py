"""What a run has to do: the chunks that were seen, compared with those that are stored."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.store import StoredMark

_ENDS_OF_SCOPES = "/#"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTexts:
    """All that is new in the texts of one document, to be written in one step.

    `chunks` have to be embedded, `trimmed` are the ids at the end of a document that got shorter.
    """

    chunks: tuple[Chunk, ...]
    trimmed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What one part of a source does not hold any more: chunk ids by document path."""

    part: str
    chunk_ids: Mapping[str, tuple[str, ...]]
    of_documents: int

    @property
    def documents(self) -> int:
        return len(self.chunk_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The work of one run over one source, without its new texts.

    `added` counts by part and document path the chunks that were not stored before, `embedded` all
    whose text is new. `to_withdraw` are chunks whose text and governing entity both changed: the
    old text must not stay until the new one is embedded. `gone` are whole documents, `refused`
    those that are not to be deleted unasked. `moved_to` are the entities that govern what is to be
    rewritten and did not before; `regoverned` counts, by entity, the stored chunks that do not say
    what is true of it now.
    """

    embedded: int
    added: Mapping[str, Mapping[str, int]]
    to_rewrite: tuple[Chunk, ...]
    to_withdraw: tuple[str, ...]
    trimmed: frozenset[str]
    gone: tuple[Loss, ...]
    refused: tuple[Loss, ...] = ()
    unchanged: int
    changes_hands: bool
    moved_to: frozenset[EntityRef] = frozenset()
    regoverned: Mapping[str, int] = field(default_factory=dict)

    @property
    def gone_ids(self) -> frozenset[str]:
        return frozenset(
            chunk_id for loss in self.gone for ids in loss.chunk_ids.values() for chunk_id in ids
        )

    @property
    def is_nothing(self) -> bool:
        has_texts = self.embedded or self.trimmed or self.gone
        return not (has_texts or self.to_rewrite or self.regoverned)

    @property
    def narrows(self) -> bool:
        """Whether somebody may read less than before, or other people may."""
        return self.changes_hands or bool(self.gone or self.regoverned)


class Comparison:
    """Compares documents as they come; keeps none of their new texts."""

    def __init__(self, stored: Mapping[str, Mapping[str, StoredMark]]) -> None:
        """Start from what is stored of each part, by chunk id."""
        self._stored = {part: _by_document(marks) for part, marks in stored.items()}
        self._read: set[str] = set()
        self._kept: set[str] = set()
        self._added: dict[str, Counter[str]] = defaultdict(Counter)
        self._embedded = self._unchanged = 0
        self._metadata: list[Chunk] = []
        self._withdrawn: list[str] = []
        self._trimmed: set[str] = set()
        self._changes_hands = False
        self._moved_to: set[EntityRef] = set()

    def see(self, part: str, path: str, chunks: Iterable[Chunk]) -> NewTexts:
        """Take all chunks of a document, which is given once; says what is new in its texts."""
        self._read.add(path)
        stored = self._stored.get(part, {}).get(path, {})
        trimmed = dict.fromkeys(stored)
        new = []
        for chunk in chunks:
            trimmed.pop(chunk.id, None)
            if self._has_new_text(chunk, stored.get(chunk.id)):
                new.append(chunk)
        self._embedded += len(new)
        self._trimmed.update(trimmed)
        return NewTexts(chunks=tuple(new), trimmed=tuple(trimmed))

    def keep(self, scope: str) -> None:
        """Take all that is stored below a scope as seen and unchanged."""
        self._kept.add(scope)

    def changes(self, *, was_unread: Callable[[str], bool]) -> Changes:
        """Say what is to be done.

        A stored document that was not seen is gone, unless `was_unread` says that its path could
        not be read this time: then nobody knows, and it stays.
        """
        losses = (self._loss(part, was_unread) for part in self._stored)
        kept = sum(
            len(marks)
            for documents in self._stored.values()
            for path, marks in documents.items()
            if self._is_kept(path)
        )
        return Changes(
            embedded=self._embedded,
            added=self._added,
            to_rewrite=tuple(self._metadata),
            to_withdraw=tuple(self._withdrawn),
            trimmed=frozenset(self._trimmed),
            gone=tuple(loss for loss in losses if loss.chunk_ids),
            unchanged=self._unchanged + kept,
            changes_hands=self._changes_hands,
            moved_to=frozenset(self._moved_to),
        )

    def _has_new_text(self, chunk: Chunk, mark: StoredMark | None) -> bool:
        if mark is None:
            self._added[chunk.source][chunk.document_path] += 1
            return True
        changes_hands = mark.resource_ref != str(chunk.resource_ref)
        self._changes_hands |= changes_hands
        if mark.content_hash != chunk.content_hash:
            self._withdrawn += [chunk.id] if changes_hands else []
            return True
        if mark.metadata_hash != chunk.metadata_hash:
            self._metadata.append(chunk)
            self._moved_to.update([chunk.resource_ref] if changes_hands else [])
        else:
            self._unchanged += 1
        return False

    def _loss(self, part: str, was_unread: Callable[[str], bool]) -> Loss:
        documents = self._stored[part]
        lost = {
            path: tuple(marks)
            for path, marks in documents.items()
            if self._is_lost(path, was_unread)
        }
        return Loss(part=part, chunk_ids=lost, of_documents=len(documents))

    def _is_lost(self, path: str, was_unread: Callable[[str], bool]) -> bool:
        return not (path in self._read or self._is_kept(path) or was_unread(path))

    def _is_kept(self, path: str) -> bool:
        if not self._kept or path in self._read:
            return False
        return any(scope in self._kept for scope in scopes_of(path))


def regoverned(
    marks: Iterable[StoredMark], visibility_hashes: Mapping[str, str]
) -> Mapping[str, int]:
    """Count, by entity, the chunks that were written with another hash than it has now."""
    return Counter(
        mark.resource_ref
        for mark in marks
        if visibility_hashes.get(mark.resource_ref, mark.visibility_hash) != mark.visibility_hash
    )


def scopes_of(path: str) -> Iterator[str]:
    """Give every start of a document path that may be a scope."""
    ends = (end for end, character in enumerate(path, start=1) if character in _ENDS_OF_SCOPES)
    return (path[:end] for end in ends)


def _by_document(marks: Mapping[str, StoredMark]) -> dict[str, dict[str, StoredMark]]:
    documents: dict[str, dict[str, StoredMark]] = defaultdict(dict)
    for chunk_id, mark in marks.items():
        documents[mark.document_path][chunk_id] = mark
    return dict(documents)

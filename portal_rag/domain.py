"""What the stages of a question exchange: frozen values and the ports they read through.

question (asked) → query (understood) → evidence → draft → answer
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import DocumentKind, Governed
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.visibility import Visibility

Clock = Callable[[], datetime]
Timer = Callable[[], float]

Topic = Literal[
    "owner",
    "description",
    "system",
    "lifecycle",
    "type",
    "links",
    "contact",
    "docs",
    "runbooks",
    "repository",
    "dependencies",
    "dependents",
    "apis_provided",
    "providers",
    "apis_consumed",
    "members",
    "owns",
    "parts",
    "related",
]
Purpose = Literal["facts", "documents", "live", "write"]
Status = Literal["answered", "partial", "clarify", "insufficient_evidence", "declined"]
Level = Literal["high", "medium", "low"]
State = Literal[
    "ok",
    "empty",
    "unavailable",
    "timeout",
    "forbidden",
    "rate_limited",
    "stale",
    "not_configured",
    "not_applicable",
    "not_allowed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An earlier message of the conversation: context for understanding, never evidence."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, and on which entity's page if on any."""

    text: str
    entity_ref: EntityRef | None = None
    conversation_id: str | None = None
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An entity that the asker may have meant, and the question that would say so."""

    entity: Entity
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question as it was understood.

    `subjects` were read with the asker's own rights for this very question. `choices` are set
    where a name fits several entities; `unknown_name` where it fits none, with `near` names that
    the asker may see; both may be set beside `subjects` where only some of the names are known.
    `unread` are words that neither the intent nor a name accounts for, `ticket_ids` identifiers
    such as `inc-117`, which must stand in whatever answers.
    """

    question: Question
    purpose: Purpose
    topics: tuple[Topic, ...]
    document_kinds: frozenset[DocumentKind]
    subjects: tuple[Entity, ...]
    choices: tuple[Choice, ...] = ()
    unknown_name: str | None = None
    near: tuple[Choice, ...] = ()
    unread: tuple[str, ...] = ()
    ticket_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a statement comes from; `url` is http(s), `excerpt` plain text, `id` for operators."""

    id: str = field(compare=False)
    kind: Literal["catalog", "techdocs"]
    title: str
    entity_ref: EntityRef
    url: str
    fetched_at: datetime
    modified_at: datetime | None
    stale: bool
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """Something that a fact names: an entity, a link, or just words."""

    label: str
    ref: EntityRef | None = None
    url: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """An exact statement of the catalog about one entity."""

    topic: Topic
    subject: Entity
    mentions: tuple[Mention, ...]
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A permitted passage of a document.

    `similarity` is the cosine of question and passage, None if the dense ranking did not hold it;
    `in_lexical` says whether the term ranking held it too, `is_about_subject` whether it belongs
    to an entity that the question is about.
    """

    kind: DocumentKind
    text: str
    similarity: float | None
    in_lexical: bool
    is_about_subject: bool
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """A source that was asked, how it went and how long it took."""

    source: str
    state: State
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything found that the asker may see; `dropped` counts what the gate held back."""

    facts: tuple[Fact, ...] = ()
    passages: tuple[Passage, ...] = ()
    dropped: int = 0
    consulted: tuple[Consulted, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A piece of the answer and the sources (by position) that carry it.

    A statement without citations must not state a fact. `quote` stands verbatim in its source.
    """

    text: str
    citations: tuple[int, ...] = ()
    quote: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """An offer: open a link, or ask the next question. Exactly one of the two is set."""

    label: str
    url: str | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer before it was checked; citations count from 1 into `sources`.

    `unread` are the words of the question that the answer takes no account of.
    """

    status: Status
    statements: tuple[Statement, ...]
    sources: tuple[Source, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How far the answer can be trusted, with the reasons in words."""

    level: Level
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerWarning:
    """Something that the reader should know about the sources."""

    code: str
    message: str
    source_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back. `sources` are numbered from 1 in the order given."""

    id: str
    conversation_id: str
    status: Status
    text: str
    confidence: Confidence | None
    sources: tuple[Source, ...]
    warnings: tuple[AnswerWarning, ...]
    consulted: tuple[Consulted, ...]
    follow_ups: tuple[FollowUp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The entities that the asker may read, slim; `complete` unless there are too many."""

    entities: tuple[Entity, ...]
    complete: bool


class Portal(Protocol):
    """The portal as one asker may see it; every method acts with that asker's rights alone."""

    async def entities(self, refs: Collection[EntityRef]) -> Mapping[EntityRef, Entity]:
        """Read entities now, whole; what is hidden or missing is absent."""
        ...

    async def find(self, names: Collection[str]) -> Sequence[Entity]:
        """Find entities by exact name or title, in any namespace, whatever the case."""
        ...

    async def listing(self) -> Listing:
        """List what the asker may read; at most a minute old, so never the last word."""
        ...

    async def visibility(self) -> Visibility:
        """Say what a query may return before the gate decides; up to a minute old."""
        ...

    async def readable(self, refs: Collection[EntityRef]) -> frozenset[EntityRef]:
        """The gate: ask now, uncached, which of these exist and may be read."""
        ...

    async def permitted(self, documents: Collection[Governed]) -> frozenset[Governed]:
        """The gate for documents: ask, as `readable` does, for all that governs each of them."""
        ...


@dataclass(frozen=True, slots=True)
class NoPortal:
    """The view of those about whom Backstage cannot be asked: nothing of the portal applies."""

"""What is asked, and what it was understood as."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import DocumentKind
from portal_rag.corpus.entity_ref import EntityRef

Clock = Callable[[], datetime]
Timer = Callable[[], float]

Intent = Literal[
    "ownership",
    "on_call",
    "documentation",
    "how_to",
    "description",
    "dependencies",
    "dependents",
    "apis",
    "infrastructure",
    "repository",
    "links",
    "lifecycle",
    "team",
    "discovery",
    "deployment",
    "change",
    "incident",
    "write",
    "out_of_scope",
    "chit_chat",
]
"""What a reader wants, in the words that the golden set, the audit log and the metrics share."""
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
    "matches",
    "teams",
]

Purpose = Literal["facts", "documents", "live", "write", "nothing"]
"""Where an answer comes from; `write` and `nothing` are answered without looking anything up."""


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
class Selection:
    """Which entities a list was asked for: all that is set must hold, one of each set is enough.

    Values are in lower case as the catalog compares them; `owners` own, `systems` and `domains`
    hold by relation. Nothing set selects nothing.
    """

    kinds: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    lifecycles: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    owners: frozenset[EntityRef] = frozenset()
    systems: frozenset[EntityRef] = frozenset()
    domains: frozenset[EntityRef] = frozenset()
    without_owner: bool = False
    without_docs: bool = False

    def __bool__(self) -> bool:
        return self != Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A span of time that a question speaks of, `start` included and `end` not; both have a zone.

    `words` are those of the question. `before_ticket` is the incident that ends it, where only a
    live source could tell when that was.
    """

    words: str
    start: datetime | None = None
    end: datetime | None = None
    before_ticket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An entity that the asker may have meant, and the question that would say so."""

    entity: Entity
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question as it was understood.

    `subjects` were read with the asker's own rights for this very question. `choices` are set where
    a name fits several entities; `unknown_name` where it fits none, with `near` names that the
    asker may see; both may be set beside `subjects` where only some of the names are known.
    `unread` are words that neither the intent nor a name accounts for; `telling` those words beside
    the names that a text which answers should hold. `ticket_ids` are identifiers such as `inc-117`,
    which must stand in whatever answers. `search_text` is what documents are searched for: the
    question, made whole where it leans on an earlier one. `is_transitive` asks for what depends
    through others too. `selection` is set where a list of entities was asked for. `assumed` are
    words that were taken for the name of an entity that is spelled otherwise.
    """

    question: Question
    intent: Intent
    purpose: Purpose
    topics: tuple[Topic, ...]
    document_kinds: frozenset[DocumentKind]
    subjects: tuple[Entity, ...]
    choices: tuple[Choice, ...] = ()
    unknown_name: str | None = None
    near: tuple[Choice, ...] = ()
    unread: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    ticket_ids: frozenset[str] = frozenset()
    search_text: str = ""
    is_transitive: bool = False
    selection: Selection | None = None
    window: Window | None = None
    assumed: tuple[tuple[str, EntityRef], ...] = ()

    @property
    def about(self) -> frozenset[EntityRef]:
        """Name the subjects, and the entities that hold their documentation."""
        refs = (ref for entity in self.subjects for ref in (entity.ref, entity.docs_ref))
        return frozenset(ref for ref in refs if ref)

"""What was found for a question, and where."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.documents import DocumentKind
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain.questions import Topic

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

SourceKind = Literal["catalog", "techdocs", "search"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a statement comes from; `url` is http(s), `excerpt` plain text, `id` for operators."""

    id: str = field(compare=False)
    kind: SourceKind
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
    """An exact statement of the catalog about one entity.

    Without mentions something is recorded whose other end could not be found. `has_more` says that
    there is more than the mentions, or, of a list of facts, than the facts.
    """

    topic: Topic
    subject: Entity
    mentions: tuple[Mention, ...]
    source: Source
    has_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A permitted passage of a document.

    `similarity` is the cosine of question and passage, None if the dense ranking did not hold it;
    `in_lexical` says whether the term ranking held it too, `is_about_subject` whether it belongs
    to an entity that the question is about. `score` compares passages of one answer: at most 1 for
    how near it is in meaning and in words, with boosts for what was asked about. `text` is what of
    it is shown, verbatim from the source's `excerpt`. `covered` is the share of the question's
    telling words that title and text hold, `lacks` are the others; `names_subject` says whether
    they hold the name of something that the question is about.
    """

    kind: DocumentKind
    text: str
    similarity: float | None
    in_lexical: bool
    is_about_subject: bool
    source: Source
    score: float = 0.0
    covered: float = 1.0
    lacks: tuple[str, ...] = ()
    names_subject: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """A source that was asked, how it went and how long it took."""

    source: str
    state: State
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """How the index answered a question, for judging whether it holds the answer at all.

    `similarity` is the best cosine, `similarity_gap` its lead over the last of the list;
    `lexical` the best BM25 score over the sum of the IDFs of the question's terms, `lexical_gap`
    likewise its lead; `covered` the IDF-weighted share of the question's terms in the best
    passage, `covered_by_all` in those shown; `unknown` the share of terms that no passage holds;
    `agreement` the share of the first ten of one ranking that the other has there too; `terms`
    how many terms the question has.
    """

    similarity: float
    similarity_gap: float
    lexical: float
    lexical_gap: float
    covered: float
    covered_by_all: float
    unknown: float
    agreement: float
    terms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything found that the asker may see; `dropped` counts what the gate held back.

    `set_aside` counts the passages that no answer was made of, for it would more likely have been
    wrong than right. `contacts` are facts about who could know more, `offers` those whose links
    could be opened next; `signals` is None where the index was not asked.
    """

    facts: tuple[Fact, ...] = ()
    contacts: tuple[Fact, ...] = ()
    offers: tuple[Fact, ...] = ()
    passages: tuple[Passage, ...] = ()
    signals: Signals | None = None
    dropped: int = 0
    set_aside: int = 0
    consulted: tuple[Consulted, ...] = ()

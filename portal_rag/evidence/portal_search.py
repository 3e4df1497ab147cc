"""Pages that the portal's own Search knows, each past the live gate."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import anyio.to_thread

from portal_rag.backstage.search import CATALOG, TECHDOCS, SearchHit
from portal_rag.corpus.documents import DocumentKind, Governed, Origin
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import document_terms, query_terms
from portal_rag.domain import Clock, Passage, Portal, Query, Source
from portal_rag.errors import NotFoundError
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.merging import Page, page_of

MOST_HITS = 50
WEIGHT = 0.1
"""What the first place in Search adds to a passage, of about 1 that the index gives the best."""
_RANK_CONSTANT = 60
"""That of reciprocal rank fusion (Cormack et al. 2009)."""
MOST_PAGES = 10
LONGEST_EXCERPT = 900
_LONGEST_PIECE = 300
_SHORTEST_PIECE = 60
_WORD = re.compile(r"\w(?:[\w./:-]*\w)?")
_NO_PATH = re.compile(r"[\s\x00-\x1f\x7f\\]|/\.\.?(?:/|$)")
_ORIGINS: dict[str, Origin] = {TECHDOCS: "techdocs", CATALOG: "catalog"}
_KINDS: dict[str, DocumentKind] = {
    **dict.fromkeys(("runbook", "runbooks", "playbook", "playbooks"), "runbook"),
    **dict.fromkeys(("incident", "incidents", "postmortem", "postmortems"), "incident"),
    **dict.fromkeys(("adr", "adrs"), "adr"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A hit whose entity is known and which the portal's app shows."""

    hit: SearchHit
    entity_ref: EntityRef
    url: str

    @property
    def governed(self) -> Governed:
        return Governed(frozenset({self.entity_ref}), _ORIGINS.get(self.hit.type))

    @property
    def title(self) -> str:
        titles = dict.fromkeys((self.hit.site_title, self.hit.title))
        return " > ".join(filter(None, titles))

    @property
    def kind(self) -> DocumentKind:
        if self.hit.type == CATALOG:
            return "api" if self.entity_ref.kind == "api" else "entity"
        words = re.findall(r"[a-z]+", f"{self.hit.location} {self.hit.title}".lower())
        return next((_KINDS[word] for word in words if word in _KINDS), "guide")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What is shown of a page, and the share of the question's words that this holds."""

    page: _Page
    excerpt: str
    covered: float


class PortalSearch:
    """A third retriever, for pages that are newer than the index or of plugins it does not read.

    Backstage shows what the asker may see, and the gate is asked again. The order is made here of
    each page alone: Search's own counts how rare a word is in what is hidden, too.
    """

    name = "search"

    def __init__(self, *, app_url: str, clock: Clock) -> None:
        self._app_url = app_url.rstrip("/")
        self._clock = clock

    async def find(self, query: Query, portal: Portal) -> Finding:
        words = _telling_words(query.search_text)
        if query.purpose != "documents" or not words:
            return Finding(state="not_applicable")
        try:
            hits = await portal.search(" ".join(words), most=MOST_HITS)
        except NotFoundError:
            return Finding(state="not_configured")
        pages = [page for hit in hits if (page := self._page(hit))]
        permitted = await portal.permitted({page.governed for page in pages})
        readable = [page for page in pages if page.governed in permitted]
        asked = " ".join(words), query.ticket_ids
        best = await anyio.to_thread.run_sync(_best, readable, *asked)
        now, about = self._clock(), query.about
        passages = [_passage(each, rank, about, now) for rank, each in enumerate(best, start=1)]
        return Finding(passages=tuple(passages), dropped=len(pages) - len(readable))

    def _page(self, hit: SearchHit) -> _Page | None:
        url = portal_url(hit.location, self._app_url)
        if not url or not hit.entity_ref:
            return None
        return _Page(hit=hit, entity_ref=hit.entity_ref, url=url)


def portal_url(location: str, app_url: str) -> str | None:
    """Say where the portal's app shows something, or None where it is not the app that does."""
    path = location.removeprefix(app_url) if location.startswith(f"{app_url}/") else location
    is_within = path.startswith("/") and not path.startswith("//")
    return f"{app_url}{path}" if is_within and not _NO_PATH.search(path) else None


def _telling_words(text: str) -> tuple[str, ...]:
    """Leave out the words that any text has."""
    words = dict.fromkeys(_WORD.findall(text))
    return tuple(word for word in words if query_terms(word).indices)


def _best(pages: Iterable[_Page], words: str, ticket_ids: frozenset[str]) -> list[_Shown]:
    """Put first what holds most of the words, each page once; a section goes before its page."""
    asked = frozenset(query_terms(words).indices)
    weighed = [(_weight(page, asked), page) for page in pages if _names(page, ticket_ids)]
    once: dict[Page, _Page] = {}
    for weight, page in sorted(weighed, key=lambda each: (-each[0], each[1].url)):
        if weight:
            once.setdefault(page_of(page.entity_ref, page.url), page)
    shown = (_shown(page, asked) for page in list(once.values())[:MOST_PAGES])
    return sorted(shown, key=lambda each: -each.covered)


def _names(page: _Page, ticket_ids: frozenset[str]) -> bool:
    text = f"{page.title} {page.hit.text}".lower()
    return all(each in text for each in ticket_ids)


def _weight(page: _Page, asked: frozenset[int]) -> float:
    """Weigh as BM25 does, but each word alike, as if all were equally rare."""
    terms = document_terms(f"{page.title}\n{page.hit.text}")
    weights = zip(terms.indices, terms.values, strict=True)
    return math.fsum(weight for term, weight in weights if term in asked)


def _shown(page: _Page, asked: frozenset[int]) -> _Shown:
    excerpt, held = _excerpt(page.hit.text, asked)
    held |= asked & frozenset(query_terms(page.title).indices)
    return _Shown(page=page, excerpt=excerpt, covered=len(held) / len(asked))


def _excerpt(text: str, asked: frozenset[int]) -> tuple[str, frozenset[int]]:
    """Give the first run of sentences that holds the most words, and these words' terms."""
    pieces = [(piece, asked & frozenset(query_terms(piece).indices)) for piece in _pieces(text)]
    runs = (_run(pieces[start:]) for start in range(len(pieces)))
    return max(runs, key=lambda run: len(run[1]), default=("", frozenset()))


def _run(pieces: Sequence[tuple[str, frozenset[int]]]) -> tuple[str, frozenset[int]]:
    excerpt, held = "", frozenset[int]()
    for piece, terms in pieces:
        longer = f"{excerpt} {piece}".lstrip()
        if len(longer) > LONGEST_EXCERPT:
            break
        excerpt, held = longer, held | terms
    return excerpt, held


def _pieces(text: str) -> Iterator[str]:
    """Part a text at the ends of sentences, or where one goes on for too long."""
    piece = ""
    for word in text.split():
        piece = f"{piece} {word[:_LONGEST_PIECE]}".lstrip()
        is_sentence = word.endswith((".", "!", "?")) and len(piece) >= _SHORTEST_PIECE
        if is_sentence or len(piece) >= _LONGEST_PIECE:
            yield piece
            piece = ""
    if piece:
        yield piece


def _passage(shown: _Shown, rank: int, about: frozenset[EntityRef], now: datetime) -> Passage:
    page = shown.page
    return Passage(
        kind=page.kind,
        text=shown.excerpt,
        similarity=None,
        in_lexical=True,
        is_about_subject=page.entity_ref in about,
        covered=shown.covered,
        score=WEIGHT * (_RANK_CONSTANT + 1) / (_RANK_CONSTANT + rank),
        source=Source(
            id=f"search:{page.hit.type}:{page.entity_ref}:{page.hit.location}",
            kind="search",
            title=page.title,
            entity_ref=page.entity_ref,
            url=page.url,
            fetched_at=now,
            modified_at=None,
            stale=False,
            excerpt=shown.excerpt,
        ),
    )

"""Backstage Search: what its index holds for some words, as far as a user may see it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from portal_rag.backstage.entities import parse_ref
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE, EntityRef
from portal_rag.errors import UpstreamError

CATALOG = "software-catalog"
TECHDOCS = "techdocs"
MOST_HITS = 100
"""Backstage's own limit of hits a page (`search.maxPageLimit`)."""
LONGEST_TERM = 100
"""Backstage's own limit of a term (`search.maxTermLength`), in UTF-16 units."""
MOST_TEXT = 4_000
"""Characters of a hit that are kept; sections of a longer page are hits of their own."""
_ENTITY_PAGE = re.compile(r"/(?:catalog|docs)/([^/]+)/([^/]+)/([^/]+)")
_MARKUP = re.compile(
    r"</?(?:p|br|pre|code|ul|ol|li|dl|dt|dd|div|span|strong|em|a|h[1-6]|table|thead|tbody|tr|td|th)"
    r"(?:\s[^<>]*)?/?>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A document that Search holds, whichever plugin put it there (`type`).

    `text` is plain, without the marks of what matched, and has at most MOST_TEXT characters.
    `location` is where the portal's app shows it, as Backstage wrote it: a path or a URL.
    `entity_ref` is the entity that it belongs to, None where the document does not say which.
    """

    type: str
    title: str
    site_title: str
    text: str
    location: str
    entity_ref: EntityRef | None


class SearchClient:
    """Searches with the rights of the token's owner, which Backstage itself applies."""

    def __init__(self, transport: BackstageTransport) -> None:
        self._transport = transport

    async def query(
        self, term: str, *, token: str, types: Sequence[str] = (), most: int = MOST_HITS
    ) -> tuple[SearchHit, ...]:
        """List at most `most` hits, best first; no types are all types.

        A term that is longer than Backstage takes is cut behind a word; no word finds nothing.
        What has no title, text or location is left out.

        Raises:
            NotFoundError: the portal has no Search.
            UpstreamError: among others, its index is not built yet.
        """
        asked = cut_term(term)
        if not asked:
            return ()
        limit = ("pageLimit", str(min(most, MOST_HITS)))
        params = (("term", asked), limit, *(("types[]", each) for each in types))
        answer = await self._transport.get_json("search", "query", token=token, params=params)
        results = answer.get("results") if isinstance(answer, Mapping) else None
        if not isinstance(results, list):
            raise UpstreamError("search", "the answer has no list of results")
        hits = (parse_hit(result) for result in results[:most])
        return tuple(hit for hit in hits if hit)


def cut_term(term: str) -> str:
    """Take as many of the first words as Backstage takes."""
    kept = ""
    for word in term.encode("utf-8", "ignore").decode().split():
        longer = f"{kept} {word}".lstrip()
        if len(longer.encode("utf-16-le")) > 2 * LONGEST_TERM:
            break
        kept = longer
    return kept


def parse_hit(result: object) -> SearchHit | None:
    """Read a hit, or None where title, text or location is missing."""
    match result:
        case {
            "type": str(type_),
            "document": {
                "title": str(title),
                "text": str(text),
                "location": str(location),
            } as found,
        }:
            return SearchHit(
                type=type_,
                title=title,
                site_title=_text(found, "entityTitle"),
                text=_plain(text),
                location=location,
                entity_ref=_entity_ref(found, location),
            )
    return None


def _plain(text: str) -> str:
    """Take out the marks that mkdocs leaves: HTML of some themes, and the signs of headings."""
    return _MARKUP.sub(" ", text[:MOST_TEXT]).replace("¶", " ")


def _entity_ref(document: Mapping[str, Any], location: str) -> EntityRef | None:
    """Read the fields of a document of TechDocs; one of the catalog is named by its page alone."""
    kind, name = _text(document, "kind"), _text(document, "name")
    if kind and name:
        namespace = _text(document, "namespace") or DEFAULT_NAMESPACE
        return parse_ref(f"{kind}:{namespace}/{name}")
    try:
        page = _ENTITY_PAGE.search(unquote(urlsplit(location).path))
    except ValueError:
        return None
    return parse_ref(f"{page[2]}:{page[1]}/{page[3]}") if page else None


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value.strip() if isinstance(value, str) else ""

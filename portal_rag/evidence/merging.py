"""Passages of the index and of the portal's Search, made one list by their ranks."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Passage

MOST_MERGED = 6
"""More than the index alone gives, so that there is room for pages that it does not hold."""
Page = tuple[EntityRef, str]


def page_of(entity_ref: EntityRef, url: str) -> Page:
    """Tell pages of an entity apart by where the portal shows them, whatever the section."""
    return entity_ref, unquote(urlsplit(url).path).rstrip("/").lower()


def merge(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """Add what Search found to what the index did: the rank of a page that both show counts twice.

    The index's text stands for such a page. Where Search found nothing, nothing changes.
    """
    searched = {_page(each): each for each in passages if each.source.kind == "search"}
    if not searched:
        return tuple(passages)
    indexed = [each for each in passages if each.source.kind != "search"]
    known = {_page(each) for each in indexed}
    new = [each for page, each in searched.items() if page not in known]
    merged = [*(_raised(each, searched.get(_page(each))) for each in indexed), *new]
    return tuple(sorted(merged, key=lambda each: (-each.score, each.source.url)))[:MOST_MERGED]


def _raised(passage: Passage, found: Passage | None) -> Passage:
    return replace(passage, score=passage.score + found.score) if found else passage


def _page(passage: Passage) -> Page:
    return page_of(passage.source.entity_ref, passage.source.url)

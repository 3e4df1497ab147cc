"""TechDocs' read API: what a site is, its search index, and its pages."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError, UpstreamError

MOST_PAGE_BYTES = 5_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_A_SITE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:.*|[/\\].*", re.DOTALL)
_UNSAFE_SEGMENT = re.compile(r"\.{0,2}|.*[\\\x00-\x1f\x7f\ud800-\udfff].*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMetadata:
    """What the TechDocs generator wrote about a site; plain mkdocs output has only the two texts.

    A site changed when `built_at` or `etag` did.
    """

    site_name: str | None
    site_description: str | None
    etag: str | None
    built_at: datetime | None
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedSection:
    """An entry of a site's search index, as mkdocs wrote it.

    `location` is relative to the site: a page (`ops/runbook/`), or a section of it after `#`.
    With the default search plugin a page's entry repeats the text of all of its sections.
    """

    location: str
    title: str
    text: str
    tags: tuple[str, ...]


class TechDocsClient:
    """Reads the site of an entity that the owner of the token may read.

    Every method raises `NotFoundError` where entity or site is hidden or missing. `ref` must own
    the files: `Entity.docs_ref`.
    """

    def __init__(self, transport: BackstageTransport) -> None:
        self._transport = transport

    async def metadata(self, ref: EntityRef, *, token: str) -> SiteMetadata:
        answer = await self._transport.get_json(
            "techdocs", "metadata", "techdocs", *_triplet(ref), token=token
        )
        if not isinstance(answer, Mapping):
            raise UpstreamError("techdocs", "the metadata of a site is not an object")
        return SiteMetadata(
            site_name=_text(answer, "site_name") or None,
            site_description=_text(answer, "site_description") or None,
            etag=_text(answer, "etag") or None,
            built_at=_time(answer.get("build_timestamp")),
            files=_texts(answer.get("files")),
        )

    async def search_index(self, ref: EntityRef, token: str) -> tuple[IndexedSection, ...]:
        """Read all pages and sections of a site; entries without a location are left out."""
        answer = await self._transport.get_json(
            *_site(ref), "search", "search_index.json", token=token
        )
        docs = answer.get("docs") if isinstance(answer, Mapping) else None
        if not isinstance(docs, list):
            raise UpstreamError("techdocs", "the search index of a site has no list of docs")
        return tuple(_section(doc) for doc in docs if _has_location(doc))

    async def page(self, ref: EntityRef, location: str, token: str) -> str:
        """Read the HTML of a page, named by a location of the search index.

        Raises:
            InputError: the location leads out of the site.
            UpstreamError: among others, the page is larger than MOST_PAGE_BYTES.
        """
        return await self._transport.get_text(
            *_site(ref), *file_of(location), token=token, most_bytes=MOST_PAGE_BYTES
        )


def _triplet(ref: EntityRef) -> tuple[str, str, str]:
    return ref.namespace, ref.kind, ref.name


def _site(ref: EntityRef) -> tuple[str, ...]:
    return "techdocs", "static", "docs", *_triplet(ref)


def file_of(location: str) -> Sequence[str]:
    """Name the HTML file of a location by the parts of its path inside the site."""
    page = unquote(location.partition("#")[0])  # mkdocs writes locations as URLs
    if not page.endswith(".html"):
        page = f"{page.removesuffix('/')}/index.html" if page else "index.html"
    segments = page.split("/")
    if _NOT_IN_A_SITE.fullmatch(page) or any(map(_UNSAFE_SEGMENT.fullmatch, segments)):
        raise InputError("the location of a page must stay inside its TechDocs site")
    return segments


def _has_location(doc: object) -> bool:
    return isinstance(doc, Mapping) and isinstance(doc.get("location"), str)


def _section(doc: Mapping[str, Any]) -> IndexedSection:
    return IndexedSection(
        location=doc["location"],
        title=_text(doc, "title"),
        text=_text(doc, "text"),
        tags=_texts(doc.get("tags")),
    )


def _text(json: Mapping[str, Any], key: str) -> str:
    value = json.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _time(milliseconds: object) -> datetime | None:
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except (OverflowError, ValueError):
        return None

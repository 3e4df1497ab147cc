"""Which sources an answer cites, and whether one of them is the one that a case names."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from evals.golden_set.texts import citations

Source = Mapping[str, Any]
_DOCS_PATH = re.compile(r"/docs/([^/]+)/([^/]+)/([^/]+)(?:/(.*))?$")
STATIC_KINDS = frozenset({"catalog", "techdocs", "search"})
"""Kinds of sources that are not live systems."""


def cited_sources(answer: Mapping[str, Any]) -> list[Source]:
    """Give the sources whose number stands in the answer's text."""
    numbers = citations(answer["answer"])
    return [source for source in answer["sources"] if source["id"] in numbers]


def dangling_citations(answer: Mapping[str, Any]) -> list[int]:
    """Give the numbers in the text that no source has."""
    known = {source["id"] for source in answer["sources"]}
    return [number for number in citations(answer["answer"]) if number not in known]


def cites(sources: Iterable[Source], names: Sequence[str]) -> bool:
    """Whether one of the sources is one of those named."""
    return any(is_named(source, name) for source in sources for name in names)


def is_named(source: Source, name: str) -> bool:
    """Whether a source is `catalog:<ref>` or `docs:<ref>[/<page path>]`.

    Without a page path any page of the entity's docs will do; a bare `/` is the first page. Pages
    are the same with and without `.md`, `index` and slashes at the end.
    """
    family, _, rest = name.partition(":")
    if family == "catalog":
        return source["kind"] == "catalog" and _same(source["entityRef"], rest)
    if source["kind"] in ("catalog", "search") and not _DOCS_PATH.search(_path(source)):
        return False
    kind_and_namespace, slash, page = _split_docs(rest)
    return kind_and_namespace in owners_of(source) and (
        not slash or _page_of(source, page) == _plain_page(page)
    )


def page_name(source: Source) -> str:
    """Name a source as a case would."""
    if source["kind"] == "catalog":
        return f"catalog:{source['entityRef']}"
    if is_live(source):
        return f"{source['kind']}:{source['title']}"
    match = _DOCS_PATH.search(_path(source))
    page = _plain_page(match.group(4) or "") if match else ""
    return f"docs:{source['entityRef']}/{page}"


def is_live(source: Source) -> bool:
    """Whether a source is a live system rather than catalog or documents."""
    return source["kind"] not in STATIC_KINDS


def _split_docs(rest: str) -> tuple[str, bool, str]:
    """Part `kind:namespace/name/page/path` into reference, whether there is a page, and page."""
    namespace, _, tail = rest.partition("/")
    name, slash, page = tail.partition("/")
    return f"{namespace}/{name}".casefold(), bool(slash), page


def owners_of(source: Source) -> set[str]:
    """Give, in lower case, the entity of a source, and the one in whose docs its address is."""
    owners = {str(source["entityRef"]).casefold()}
    match = _DOCS_PATH.search(_path(source))
    if match:
        namespace, kind, name, _ = match.groups()
        owners.add(f"{kind}:{namespace}/{name}".casefold())
    return owners


def _page_of(source: Source, wanted: str) -> str:
    """Give the page of a source; of an address outside of TechDocs, as much as is wanted."""
    match = _DOCS_PATH.search(_path(source))
    if match:
        return _plain_page(match.group(4) or "")
    path, plain = _plain_page(_path(source)), _plain_page(wanted)
    return plain if plain and f"/{path}".endswith(f"/{plain}") else path


def _plain_page(page: str) -> str:
    path = page.partition("#")[0].strip("/").casefold().removesuffix(".md").removesuffix(".html")
    return "" if path in ("index", "readme") else path.removesuffix("/index")


def _path(source: Source) -> str:
    return unquote(urlsplit(str(source["url"])).path)


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()

"""The catalog's read API: entities by reference, by name, and page by page."""

import re
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from portal_rag.backstage.batching import batches, batches_of_refs
from portal_rag.backstage.entities import Entity
from portal_rag.backstage.transport import BackstageTransport, Params
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import InputError, NotFoundError, UpstreamError

MOST_REF_BYTES = 90_000
MOST_NAME_BYTES = 5_000
PAGE_LIMIT = 500
MOST_EMPTY_PAGES = 10
"""So many pages in a row may hold nothing that is readable before the listing counts as endless."""
_IDENTITY = ("kind", "metadata.namespace", "metadata.name")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NAME_FIELDS = ("metadata.name", "metadata.title")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

Filter = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPage:
    """Some entities, and the cursor of the next page, None on the last.

    A cursor belongs to the user whose token it was made with.
    """

    entities: tuple[Entity, ...]
    next_cursor: str | None


class CatalogClient:
    """Reads entities as the owner of the token may see them; what is hidden is simply absent.

    `fields` are dotted paths, all fields when None; what identifies an entity always comes along.
    A filter maps dotted paths to values, all of which must match whatever their case; of a tuple of
    values, and of several filters, one must match.
    """

    def __init__(self, transport: BackstageTransport) -> None:
        self._transport = transport
        self._can_skip_total = True

    async def by_refs(
        self, refs: Sequence[EntityRef], *, token: str, fields: Sequence[str] | None = None
    ) -> dict[EntityRef, Entity]:
        """Read these entities; missing and hidden ones alike are absent."""
        selection = {} if fields is None else {"fields": _with_identity(fields)}
        found: dict[EntityRef, Entity] = {}
        for batch in batches_of_refs(refs, most_bytes=MOST_REF_BYTES):
            body = {"entityRefs": [str(ref) for ref in batch], **selection}
            answer = await self._transport.post_json(
                "catalog", "entities", "by-refs", token=token, body=body
            )
            items = _items(answer)
            if len(items) != len(batch):
                raise UpstreamError("catalog", "the answer has not one item for each reference")
            entities = map(Entity.parse, items)
            found |= {
                ref: entity
                for ref, entity in zip(batch, entities, strict=True)
                if entity and entity.ref == ref
            }
        return found

    async def named(
        self, names: Collection[str], *, token: str, fields: Sequence[str] | None = None
    ) -> list[Entity]:
        """Find entities whose name or title is one of these, whatever the case."""
        usable = dict.fromkeys(stripped for name in names if (stripped := _usable(name)))
        plain = [name for name in usable if "," not in name]
        filters: list[tuple[Filter, ...]] = [
            _filters_by_name(batch)
            for batch in batches(
                plain, most_items=100, most_bytes=MOST_NAME_BYTES, size=_size_in_url
            )
        ]
        found = [
            entity
            for each in filters
            async for entity in self.crawl(token=token, fields=fields, filters=each)
        ]
        found += await self._named_with_comma(
            [name for name in usable if "," in name], token=token, fields=fields
        )
        return list({entity.ref: entity for entity in found}.values())

    async def _named_with_comma(
        self, names: Sequence[str], *, token: str, fields: Sequence[str] | None
    ) -> list[Entity]:
        if not names:
            return []
        crawl = self.crawl(token=token, fields=fields, filters=_filters_by_name(names))
        try:
            return [entity async for entity in crawl]
        except NotFoundError:  # portals before catalog-backend 3.5.0 cannot be asked for commas
            return []

    async def crawl(
        self,
        *,
        token: str,
        fields: Sequence[str] | None,
        limit: int = PAGE_LIMIT,
        filters: Sequence[Filter] = (),
    ) -> AsyncGenerator[Entity, None]:
        """Go through every entity that matches, unordered: an order would leave entities out.

        An entity that is created meanwhile may be missed until the next crawl.
        """
        cursors: set[str] = set()
        empty_pages = 0
        page = await self.page(token=token, fields=fields, limit=limit, filters=filters)
        while True:
            for entity in page.entities:
                yield entity
            if page.next_cursor is None:
                return
            empty_pages = 0 if page.entities else empty_pages + 1
            if page.next_cursor in cursors or empty_pages > MOST_EMPTY_PAGES:
                raise UpstreamError("catalog", "paging goes round in circles")
            cursors.add(page.next_cursor)
            page = await self.page(token=token, fields=fields, limit=limit, cursor=page.next_cursor)

    async def page(
        self,
        *,
        token: str,
        fields: Sequence[str] | None,
        limit: int = PAGE_LIMIT,
        cursor: str | None = None,
        filters: Sequence[Filter] = (),
    ) -> CatalogPage:
        """Read one page; with a cursor the filters are those of its first page.

        Raises:
            InputError: a filter names something that is no field.
            NotFoundError: a value with a comma was looked for in a portal that is too old for it
                (before catalog-backend 3.5.0).
        """
        _check_fields(filters)
        selection = None if fields is None else _with_identity(fields)
        if cursor is None and any("," in value for each in filters for value in _all_values(each)):
            answer = await self._post_page(token, selection, limit, filters)
        else:
            query = (("cursor", cursor),) if cursor else tuple(map(_filter_parameter, filters))
            answer = await self._get_page(token, selection, limit, query)
        entities = map(Entity.parse, _items(answer))
        return CatalogPage(
            entities=tuple(entity for entity in entities if entity),
            next_cursor=_next_cursor(answer),
        )

    async def _post_page(
        self, token: str, selection: Sequence[str] | None, limit: int, filters: Sequence[Filter]
    ) -> Any:
        body: dict[str, Any] = {
            "query": {"$any": [_posted(each) for each in filters]},
            "limit": limit,
        }
        if selection is not None:
            body["fields"] = selection
        return await self._transport.post_json(
            "catalog", "entities", "by-query", token=token, body=body
        )

    async def _get_page(
        self, token: str, selection: Sequence[str] | None, limit: int, query: Params
    ) -> Any:
        params: Params = (*query, ("limit", str(limit)))
        if selection is not None:
            params = (*params, ("fields", ",".join(selection)))
        if not self._can_skip_total:
            return await self._query(token, params)
        try:
            return await self._query(token, (*params, ("totalItems", "exclude")))
        except UpstreamError as error:
            if error.upstream_status != HTTPStatus.BAD_REQUEST:
                raise
        # Portals before catalog-backend 3.8.0 do not know the parameter.
        answer = await self._query(token, params)
        self._can_skip_total = False
        return answer

    async def _query(self, token: str, params: Params) -> Any:
        return await self._transport.get_json(
            "catalog", "entities", "by-query", token=token, params=params
        )


def _filters_by_name(names: Iterable[str]) -> tuple[Filter, ...]:
    return tuple({field: name} for name in names for field in _NAME_FIELDS)


def _usable(name: str) -> str | None:
    stripped = name.strip()
    return stripped if can_be_asked_for(stripped) else None


def can_be_asked_for(value: str) -> bool:
    """Say whether a value can be sent in a filter at all; no entity holds one that cannot."""
    return bool(value) and not _UNSAFE.search(value)


def _size_in_url(name: str) -> int:
    return len(_NAME_FIELDS) * (len("&filter=metadata.title%3D") + len(quote(name, safe="")))


def _filter_parameter(each: Filter) -> tuple[str, str]:
    pairs = ((field, value) for field, values in each.items() for value in _values(values))
    return "filter", ",".join(f"{field}={value}" for field, value in pairs)


def _posted(each: Filter) -> Mapping[str, Any]:
    clauses = [
        {field: {"$in": list(values)} if isinstance(values, tuple) else values}
        for field, values in each.items()
    ]
    return {"$all": clauses}


def _all_values(each: Filter) -> Iterable[str]:
    return (value for values in each.values() for value in _values(values))


def _values(values: str | tuple[str, ...]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else values


def _check_fields(filters: Sequence[Filter]) -> None:
    for each in filters:
        if not each or not all(map(_values, each.values())):
            raise InputError("a catalog filter is empty; leave it out to match everything")
        for field in each:
            if not _FIELD.fullmatch(field):
                raise InputError(f"{field!r} is not a field of catalog entities")


def _with_identity(fields: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*_IDENTITY, *fields)))


def _items(answer: object) -> Sequence[object]:
    items = answer.get("items") if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        raise UpstreamError("catalog", "the answer has no list of items")
    return items


def _next_cursor(answer: Mapping[str, object]) -> str | None:
    info = answer.get("pageInfo")
    cursor = info.get("nextCursor") if isinstance(info, Mapping) else None
    if info is None or not (cursor is None or isinstance(cursor, str)):
        raise UpstreamError("catalog", "the answer does not say whether there is more")
    return cursor or None

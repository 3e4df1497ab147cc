"""A typed, read-only view of a catalog entity; what has the wrong type reads as absent."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE, EntityRef
from portal_rag.errors import InputError

EDIT_URL = "backstage.io/edit-url"
ORPHAN = "backstage.io/orphan"
PROJECT_SLUG = "github.com/project-slug"
SOURCE_LOCATION = "backstage.io/source-location"
TECHDOCS_ENTITY = "backstage.io/techdocs-entity"
TECHDOCS_REF = "backstage.io/techdocs-ref"
VIEW_URL = "backstage.io/view-url"
_SLUG = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of an entity; `url` is http(s) and names no user."""

    url: str
    title: str | None = None
    type: str | None = None
    icon: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One catalog entity as Backstage sent it; fields that were not asked for read as absent.

    `json` is the whole of it and must not be changed.
    """

    ref: EntityRef
    json: Mapping[str, Any]

    @classmethod
    def parse(cls, json: object) -> Self | None:
        """Read an entity, or None where kind or name is missing or cannot be in a reference."""
        if not isinstance(json, Mapping):
            return None
        kind, name = _text(json, "kind"), _text(json, "metadata", "name")
        namespace = _text(json, "metadata", "namespace") or DEFAULT_NAMESPACE
        ref = parse_ref(f"{kind}:{namespace}/{name}") if kind and name else None
        return cls(ref=ref, json=json) if ref else None

    @property
    def kind(self) -> str:
        """The kind as its author wrote it, such as `API`."""
        return _text(self.json, "kind") or self.ref.kind

    @property
    def name(self) -> str:
        """The name as its author wrote it; references have it in lower case."""
        return _text(self.json, "metadata", "name") or self.ref.name

    @property
    def namespace(self) -> str:
        return _text(self.json, "metadata", "namespace") or DEFAULT_NAMESPACE

    @property
    def title(self) -> str | None:
        return _text(self.json, "metadata", "title")

    @property
    def display_name(self) -> str:
        """What people call it: its title, its profile's display name, or its name."""
        return self.title or _text(self.json, "spec", "profile", "displayName") or self.name

    @property
    def description(self) -> str | None:
        return _text(self.json, "metadata", "description")

    @property
    def type(self) -> str | None:
        return _text(self.json, "spec", "type")

    @property
    def lifecycle(self) -> str | None:
        return _text(self.json, "spec", "lifecycle")

    @property
    def email(self) -> str | None:
        return _text(self.json, "spec", "profile", "email")

    @property
    def etag(self) -> str | None:
        """Changes exactly when the content of the entity, its relations or its status does."""
        return _text(self.json, "metadata", "etag")

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(tag for tag in _items(self.json, "metadata", "tags") if isinstance(tag, str))

    @property
    def links(self) -> tuple[Link, ...]:
        """The links that lead to http(s) addresses."""
        return tuple(
            Link(
                url=url,
                title=_text(link, "title"),
                type=_text(link, "type"),
                icon=_text(link, "icon"),
            )
            for link in _items(self.json, "metadata", "links")
            if (url := _web_url(_text(link, "url")))
        )

    @property
    def annotations(self) -> Mapping[str, str]:
        """All annotations; some hold secrets, so index and show them by an allow-list only."""
        return _texts(self.json, "metadata", "annotations")

    @property
    def labels(self) -> Mapping[str, str]:
        return _texts(self.json, "metadata", "labels")

    def targets(self, relation_type: str) -> tuple[EntityRef, ...]:
        """Name the other ends of the relations of one type, such as `dependsOn`.

        A target need not exist, nor be readable for whoever may read this entity.
        """
        refs = (
            parse_ref(_text(relation, "targetRef"))
            for relation in _items(self.json, "relations")
            if _text(relation, "type") == relation_type
        )
        return tuple(dict.fromkeys(ref for ref in refs if ref))

    @property
    def owners(self) -> tuple[EntityRef, ...]:
        return self.targets("ownedBy")

    @property
    def system(self) -> EntityRef | None:
        return self._whole("system")

    @property
    def domain(self) -> EntityRef | None:
        return self._whole("domain")

    @property
    def docs_ref(self) -> EntityRef | None:
        """The entity that owns the TechDocs files, which may be another one; None without docs."""
        elsewhere = self.annotations.get(TECHDOCS_ENTITY)
        if elsewhere is not None:
            return parse_ref(elsewhere)
        return self.ref if TECHDOCS_REF in self.annotations else None

    @property
    def source_url(self) -> str | None:
        """Where the code is, http(s), unless its address names a user, who may be a token."""
        location = self.annotations.get(SOURCE_LOCATION, "")
        slug = self.annotations.get(PROJECT_SLUG, "")
        if location.startswith("url:") and (url := _web_url(location.removeprefix("url:"))):
            return url
        return f"https://github.com/{slug}" if _SLUG.fullmatch(slug) else None

    @property
    def edit_url(self) -> str | None:
        """Where the file that describes the entity can be edited, http(s)."""
        return _web_url(self.annotations.get(EDIT_URL))

    @property
    def view_url(self) -> str | None:
        """Where the file that describes the entity can be read, http(s)."""
        return _web_url(self.annotations.get(VIEW_URL))

    @property
    def is_orphan(self) -> bool:
        """Whether no location produces it any more, so that it is likely out of date."""
        return self.annotations.get(ORPHAN) == "true"

    @property
    def error_count(self) -> int:
        """How many errors of processing the catalog reports; what it shows is then older."""
        return sum(_text(item, "level") == "error" for item in _items(self.json, "status", "items"))

    def _whole(self, kind: str) -> EntityRef | None:
        return next((ref for ref in self.targets("partOf") if ref.kind == kind), None)


def parse_ref(text: str | None) -> EntityRef | None:
    """Read a full reference that a portal sent, or None where it is none."""
    try:
        return EntityRef.parse(text) if text else None
    except InputError:
        return None


def _at(json: object, *path: str) -> object:
    for key in path:
        json = json.get(key) if isinstance(json, Mapping) else None
    return json


def _text(json: object, *path: str) -> str | None:
    value = _at(json, *path)
    return value if isinstance(value, str) and value.strip() else None


def _items(json: object, *path: str) -> Iterable[object]:
    value = _at(json, *path)
    return value if isinstance(value, list) else ()


def _texts(json: object, *path: str) -> Mapping[str, str]:
    value = _at(json, *path)
    pairs = value.items() if isinstance(value, Mapping) else ()
    return {key: text for key, text in pairs if isinstance(key, str) and isinstance(text, str)}


def _web_url(text: str | None) -> str | None:
    if not text or _UNPRINTABLE.search(text):
        return None
    try:
        parts = urlsplit(text)
        is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return None
    return text if is_web and parts.username is None else None

"""References to catalog entities, in lower case as Backstage compares them."""

import re
from dataclasses import dataclass
from typing import Self

from portal_rag.errors import InputError

DEFAULT_NAMESPACE = "default"
_REFERENCE = re.compile(r"(?:(?P<kind>[^:/\s]+):)?(?:(?P<namespace>[^:/\s]+)/)?(?P<name>[^:/\s]+)")
_LONGEST = 63 * 3 + 2


@dataclass(frozen=True, slots=True, order=True)
class EntityRef:
    """`kind:namespace/name`; the parts are lower-cased, as `stringifyEntityRef` does."""

    kind: str
    namespace: str
    name: str

    def __post_init__(self) -> None:
        for field in ("kind", "namespace", "name"):
            object.__setattr__(self, field, getattr(self, field).lower())

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}"

    @classmethod
    def parse(cls, text: str, *, default_kind: str | None = None) -> Self:
        """Read `[kind:][namespace/]name`; the namespace defaults to `default`.

        Raises:
            InputError: the text is not a reference, or has no kind and no default was given.
        """
        match = _REFERENCE.fullmatch(text.strip()) if len(text) <= _LONGEST else None
        kind = match and (match["kind"] or default_kind)
        if not match or not kind:
            raise InputError(
                f"{text[:_LONGEST]!r} is not an entity reference; write it as kind:namespace/name"
            )
        return cls(kind, match["namespace"] or DEFAULT_NAMESPACE, match["name"])

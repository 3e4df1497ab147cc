"""What an entity is, as short texts that Backstage's catalog rules can be looked up in.

`kind=component`, `owner=group:default/payments`, and for each label, annotation and search row of
the metadata and the spec that it is there (`label:visibility`) and what it says
(`label:visibility=public`). All but owners are in lower case, as the rules compare them. The index
holds nothing but salted hashes of them, so that no annotation enters it.
"""

import base64
import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NewType

Predicates = frozenset[str]
PredicateHashes = NewType("PredicateHashes", str)
"""Hashes of one entity's predicates, each led by its family and a colon, in order, by spaces."""
UNSAID = PredicateHashes("")
"""Where nobody said whether the entity is known: no condition finds it."""

KNOWN = "known"
"""What every entity is whose predicates are given; no rule asks for it alone."""
UNKNOWN = "unknown"
"""What stands for an entity of which no predicates are given: anything may be true of it."""
FAMILIES = ("", "kind", "owner", "label", "annotation", "metadata", "spec")
"""What predicates are about; of none are KNOWN and UNKNOWN. The index keeps families apart, for an
engine goes through all values of a key to see that one is not among them."""
MOST_PREDICATES = 2_000
"""An entity with more is stored as unknown: its rows would outweigh its texts."""

_FAMILY = re.compile(f"({'|'.join(filter(None, FAMILIES))})[=:]")
_SKIPPED_ROWS = frozenset(
    {"attachments", "relations", "status"}
    | {f"metadata.{field}" for field in ("name", "namespace", "uid", "etag")}
)
_SEARCHED = frozenset({"metadata", "spec"})
_ALWAYS_ROWS = ("name", "namespace", "uid")
_LONGEST = 200
_LARGEST_PLAIN_EXPONENT = 21
_SMALLEST_PLAIN_EXPONENT = -6


def predicates_of(entity: Mapping[str, Any]) -> Predicates:
    """Name all that is true of an entity, as the catalog returns it with all of its fields."""
    return frozenset(_predicates(entity))


def kind(name: str) -> str:
    """Name a kind, whatever its case."""
    return f"kind={name.lower()}"


def owner(ref: str) -> str:
    """Name an owner, whose case counts."""
    return f"owner={ref}"


def row(family: str, key: str, value: str | None = None) -> str:
    """Name a `label`, `annotation`, `metadata` or `spec` row, of any value where that is None."""
    lowered = f"{family}.{key}".lower().removeprefix(f"{family}.")  # as a whole: a sigma may end it
    name = (lowered if family in _SEARCHED else key.lower()).replace("%", "%25").replace("=", "%3d")
    return f"{family}:{name}" + ("" if value is None else f"={value.lower()}")


def hashed(predicates: Predicates | None, *, salt: str) -> PredicateHashes:
    """Make what the index stores of an entity; None is one that is not known."""
    if predicates is None or len(predicates) > MOST_PREDICATES:
        return PredicateHashes(_labelled(UNKNOWN, salt))
    hashes = sorted(_labelled(each, salt) for each in (*predicates, KNOWN))
    return PredicateHashes(" ".join(hashes))


def by_family(hashes: PredicateHashes) -> Mapping[str, list[str]]:
    """Part the hashes of one entity; each family is there, though it may be empty."""
    parted: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for each in hashes.split():
        family, _, value = each.partition(":")
        parted[family].append(value)
    return parted


def family_of(predicate: str) -> str:
    """Say what a predicate is about."""
    match = _FAMILY.match(predicate)
    return match[1] if match else ""


def _labelled(predicate: str, salt: str) -> str:
    return f"{family_of(predicate)}:{hash_of(predicate, salt=salt)}"


def hash_of(predicate: str, *, salt: str) -> str:
    """Shorten a predicate to eleven characters; the salt is one of each index."""
    text = predicate.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(text, digest_size=8, key=salt.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _predicates(entity: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(entity.get("kind"), str):
        yield kind(entity["kind"])
    yield from map(owner, _owners(entity.get("relations")))
    metadata = entity.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    for family, pairs in (
        ("label", metadata.get("labels")),
        ("annotation", metadata.get("annotations")),
    ):
        for key, value in pairs.items() if isinstance(pairs, Mapping) else ():
            yield row(family, key)
            if isinstance(value, str):
                yield row(family, key, value)
    for path, text in search_rows(entity, metadata):
        family, dot, key = path.partition(".")
        if dot and family in _SEARCHED:
            yield row(family, key)
            if text is not None:
                yield row(family, key, text)


def _owners(relations: object) -> Iterator[str]:
    for relation in relations if isinstance(relations, list) else ():
        if isinstance(relation, Mapping) and relation.get("type") == "ownedBy":
            target = relation.get("targetRef")
            if isinstance(target, str):
                yield target


def search_rows(
    entity: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Iterator[tuple[str, str | None]]:
    """Give the search rows of an entity: dotted lower-case keys, and values that may be missing.

    As Backstage's `buildEntitySearch` makes them: objects and arrays are gone through, a text in an
    array is a key of its own, long keys are left out and long values count as missing.
    """
    always = ((f"metadata.{field}", metadata.get(field)) for field in _ALWAYS_ROWS)
    for path, value in (*_leaves(entity), *always):
        key = path.lower()
        if _length(key) <= _LONGEST:
            text = _text(value)
            yield key, text if text is None or _length(text) <= _LONGEST else None
    if not metadata.get("namespace"):
        yield "metadata.namespace", "default"


def _leaves(entity: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    waiting: list[tuple[str, Any]] = [("", entity)]
    while waiting:
        path, value = waiting.pop()
        if path in _SKIPPED_ROWS or len(path) > _LONGEST:
            continue
        if isinstance(value, Mapping):
            waiting += _members(path, value.items())
        elif isinstance(value, list):
            waiting += ((path, item) for item in value)
            yield from ((f"{path}.{item}", True) for item in value if isinstance(item, str))
        else:
            yield path, value


def _members(path: str, pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    return ((f"{path}.{key}" if path else key, value) for key, value in pairs)


def _text(value: object) -> str | None:
    """Write a value as JavaScript does, in lower case."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case _:
            return str(value).lower()


def _number(value: float) -> str:
    """Write a number as JavaScript does: the shortest text that reads the same."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else f"{'-' if number < 0 else ''}infinity"
    _, digits, power = Decimal(repr(abs(number))).normalize().as_tuple()
    sign = "-" if number < 0 else ""
    return sign + _placed("".join(map(str, digits)), len(digits) + int(power))


def _placed(digits: str, exponent: int) -> str:
    """Write 0.`digits` times ten to the `exponent`."""
    if len(digits) <= exponent <= _LARGEST_PLAIN_EXPONENT:
        return digits.ljust(exponent, "0")
    if 0 < exponent <= _LARGEST_PLAIN_EXPONENT:
        return f"{digits[:exponent]}.{digits[exponent:]}"
    if _SMALLEST_PLAIN_EXPONENT < exponent <= 0:
        return "0." + digits.rjust(len(digits) - exponent, "0")
    sign = "+" if exponent > 0 else "-"
    point = "." if len(digits) > 1 else ""
    return f"{digits[0]}{point}{digits[1:]}e{sign}{abs(exponent - 1)}"


def _length(text: str) -> int:
    """Count as JavaScript does: characters beyond the first 65,536 are two."""
    return len(text) + sum(character > "\uffff" for character in text)

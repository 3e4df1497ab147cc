"""What fits into one request: Backstage refuses bodies over 100 kB, and proxies long URLs."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from portal_rag.corpus.entity_ref import EntityRef

MOST_REFS = 1_000
T = TypeVar("T")


def batches(
    items: Iterable[T], *, most_items: int, most_bytes: int, size: Callable[[T], int]
) -> Iterator[tuple[T, ...]]:
    """Split in order, each part within both limits; an item that is too large stands alone."""
    batch: list[T] = []
    room = most_bytes
    for item in items:
        if batch and (len(batch) == most_items or size(item) > room):
            yield tuple(batch)
            batch, room = [], most_bytes
        batch.append(item)
        room -= size(item)
    if batch:
        yield tuple(batch)


def batches_of_refs(
    refs: Iterable[EntityRef], *, most_bytes: int
) -> Iterator[tuple[EntityRef, ...]]:
    """Split references, without duplicates, by their number and their size in a JSON array."""
    return batches(
        dict.fromkeys(refs),
        most_items=MOST_REFS,
        most_bytes=most_bytes,
        size=size_of_ref,
    )


def size_of_ref(ref: EntityRef) -> int:
    """Count the bytes of a reference and its comma in a JSON array."""
    return len(json.dumps(str(ref))) + 1

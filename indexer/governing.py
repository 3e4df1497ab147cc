"""Keeps true what the index says of the entities that govern its chunks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.changes import regoverned
from indexer.reading import Reading
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import PredicateHashes, hashed
from portal_rag.corpus.schema import visibility_hash
from portal_rag.corpus.store import IndexWriter, Manifest, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """What is known of entities now; `outdated` are those of which stored chunks say otherwise."""

    salt: str
    known: Mapping[EntityRef, PredicateHashes]
    outdated: frozenset[EntityRef] = frozenset()

    def of(self, ref: EntityRef) -> PredicateHashes:
        """Say what new chunks are to hold of the entity that governs them."""
        return self.known.get(ref) or hashed(None, salt=self.salt)


async def salt_of(writer: IndexWriter, before: Manifest | None, new_salt: Callable[[], str]) -> str:
    """Keep the salt as long as there is an index, for readers may still know the former one's."""
    if before:
        return before.salt
    replaced = await writer.replaced()
    return (replaced.salt if replaced else "") or new_salt()


async def compare(
    readings: Sequence[Reading], before: Manifest | None, *, salt: str, writer: IndexWriter
) -> tuple[Sequence[Reading], Governance]:
    """Compare what was read of entities with all that is stored, by whichever source."""
    known = _known(readings, before, salt)
    if not known:
        return readings, Governance(salt=salt, known=known)
    now = {str(ref): visibility_hash(hashes) for ref, hashes in known.items()}
    compared = [
        replace(each, changes=replace(each.changes, regoverned=regoverned(each.held, now)))
        for each in readings
    ]
    outdated = {ref for each in compared for ref in each.changes.regoverned}
    read_parts = {part for each in readings for part in each.source.parts}
    for part in sorted(set(before.sources if before else ()) - read_parts):
        outdated |= regoverned((await writer.stored(part)).values(), now).keys()
    refs = frozenset(ref for ref in known if str(ref) in outdated)
    return compared, Governance(salt=salt, known=known, outdated=refs)


async def govern(
    writer: IndexWriter, governance: Governance, refs: Iterable[EntityRef], *, run: Run
) -> None:
    """Have all chunks of these entities say what is known of them."""
    if predicates := {ref: governance.of(ref) for ref in sorted(refs)}:
        await writer.govern(predicates, run=run)


def _known(
    readings: Sequence[Reading], before: Manifest | None, salt: str
) -> Mapping[EntityRef, PredicateHashes]:
    """Collect what was said; what a first run left unpublished was hashed with another salt."""
    left = [] if before else [mark for reading in readings for mark in reading.held]
    unknown = hashed(None, salt=salt)
    known = {EntityRef.parse(mark.resource_ref): unknown for mark in left}
    for reading in readings:
        known |= reading.governed
    return known

"""The names of entities, made ready for finding them in what people write."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Listing
from portal_rag.understanding.words import Word, kinds_of, spelled, stem, stems

ALIASES = "portal-rag.io/aliases"
"""An annotation that lists further names of an entity, with commas between them."""
_SHORTEST_ACRONYM = 3
_MOST_KEPT = 16
_MOST_ALIKE = 6
"""Entities that part of a name may fit; a word in more names than that names nothing."""
_STRIPPED_KINDS = frozenset({"component", "group", "system", "domain", "user", "template"})

_BARE, _PART, _TAGGED = range(1, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """All names of one entity: as written, and their words in the singular."""

    entity: Entity
    written: frozenset[str]
    names: tuple[tuple[str, ...], ...]
    bare: tuple[frozenset[str], ...]
    stems: frozenset[str]
    tags: frozenset[str]
    types: frozenset[str]

    def fit(self, wanted: frozenset[str], words: Sequence[Word], kinds: frozenset[str]) -> int:
        """Rate how some words name this entity, 1 the best; 0: they do not."""
        kind = self.entity.ref.kind
        is_named_by_kind = kind in _STRIPPED_KINDS or kind in kinds
        for name, bare in zip(self.names, self.bare, strict=True):
            if wanted == bare and (is_named_by_kind or len(bare) == len(name)):
                return _BARE
        if not wanted <= self.stems | self.tags | self.types:
            return 0
        if not self._is_of_type(words):
            return 0
        if wanted <= self.stems and self._is_distinct(wanted, words):
            return _PART
        return _TAGGED if wanted & self.stems - self.types else 0

    def _is_of_type(self, words: Sequence[Word]) -> bool:
        """Compare words such as `service` with what a component says it is."""
        types = {word.stem for word in words if "component" in kinds_of(word.text)} - {"component"}
        return not types or types <= self.stems | self.types

    def _is_distinct(self, wanted: frozenset[str], words: Sequence[Word]) -> bool:
        """Take a single word only as it is written in the name: customers are no `customer-db`."""
        return len(wanted) > 1 or any(
            word.text in self.written for word in words if word.stem in wanted
        )

    def ends_with(self, word: str) -> bool:
        return any(name[-1] == word for name in self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The names of the entities that one asker may see."""

    joined: Mapping[str, tuple[Entity, ...]]
    unordered: Mapping[tuple[str, ...], tuple[Entity, ...]]
    acronyms: Mapping[str, tuple[Entity, ...]]
    known: frozenset[str]
    _each: tuple[_Names, ...]

    @classmethod
    def of(cls, entities: Iterable[Entity]) -> "Vocabulary":
        """Index names, titles and aliases; of one name entities are in the order of their refs."""
        joined: dict[str, list[Entity]] = defaultdict(list)
        unordered: dict[tuple[str, ...], list[Entity]] = defaultdict(list)
        acronyms: dict[str, list[Entity]] = defaultdict(list)
        each: list[_Names] = []
        for entity in sorted(entities, key=_by_ref):
            names = names_of(entity)
            each.append(_names(entity, names))
            for name in names:
                for key in {"".join(spelled(name)), "".join(stems(name))}:
                    joined[key].append(entity)
                unordered[tuple(sorted(stems(name)))].append(entity)
                acronyms[_acronym(name)].append(entity)
        return cls(
            joined={key: _distinct(found) for key, found in joined.items()},
            unordered={key: _distinct(found) for key, found in unordered.items()},
            acronyms={key: _distinct(found) for key, found in acronyms.items() if key},
            known=frozenset(word for one in each for word in one.stems),
            _each=tuple(each),
        )

    def of_name(self, words: Sequence[Word]) -> tuple[Entity, ...]:
        """Find the entities with this very name, whatever its case, separators and plurals."""
        plain = "".join(word.text for word in words)
        singular = "".join(word.stem for word in words)
        in_any_order = tuple(sorted(word.stem for word in words))
        return (
            self.joined.get(plain)
            or self.joined.get(singular)
            or self.unordered.get(in_any_order)
            or ()
        )

    def of_part(
        self, words: Sequence[Word], kinds: frozenset[str], *, is_loose: bool
    ) -> tuple[Entity, ...]:
        """Find the entities whose names hold all of the words; the nearest ones, if not too many.

        Words for a kind, such as `service`, need not be in a name of that kind. `kinds` are those
        to look among. Unless `is_loose`, one word in the plural is no part of a longer name.
        """
        telling = [word for word in words if not kinds_of(word.text)]
        wanted = frozenset(word.stem for word in telling)
        if not wanted:
            return ()
        hinted = frozenset(kind for word in words for kind in kinds_of(word.text))
        rated = [
            (rate, one)
            for one in self._each
            if one.entity.ref.kind in kinds and (rate := one.fit(wanted, words, hinted))
        ]
        best = min((rate for rate, _ in rated), default=0)
        if best > _BARE and not is_loose and len(words) == 1 and words[0].stem != words[0].text:
            return ()
        found = [one for rate, one in rated if rate == best]
        headed = [one for one in found if one.ends_with(telling[-1].stem)]
        fitting = tuple(one.entity for one in (headed if best == _PART else ()) or found)
        return fitting if len(fitting) <= _MOST_ALIKE else ()

    def kinds(self) -> frozenset[str]:
        return frozenset(one.entity.ref.kind for one in self._each)


class Vocabularies:
    """Keeps the vocabularies of the last listings, each found only by that very listing."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Listing, Vocabulary]] = OrderedDict()

    def of(self, listing: Listing) -> Vocabulary:
        """Index a listing, or an empty one where it does not hold everything."""
        kept = self._kept.get(id(listing))
        if kept and kept[0] is listing:
            return kept[1]
        vocabulary = Vocabulary.of(listing.entities if listing.complete else ())
        self._kept[id(listing)] = listing, vocabulary
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return vocabulary


def names_of(entity: Entity) -> tuple[str, ...]:
    """List the names by which people may call an entity, each with at least one word."""
    aliases = entity.annotations.get(ALIASES, "").split(",")
    names = (entity.name, entity.title, entity.display_name, *aliases)
    return tuple(dict.fromkeys(name for name in names if name and spelled(name)))


def _names(entity: Entity, names: Sequence[str]) -> _Names:
    split = tuple(stems(name) for name in names)
    kind = entity.ref.kind
    return _Names(
        entity=entity,
        written=frozenset(word for name in names for word in spelled(name)),
        names=split,
        bare=tuple(frozenset(one for one in name if kind not in kinds_of(one)) for name in split),
        stems=frozenset(word for name in split for word in name),
        tags=frozenset(stem(tag.lower()) for tag in entity.tags),
        types=frozenset(stems(entity.type or "")),
    )


def _acronym(name: str) -> str:
    words = spelled(name)
    return "".join(word[0] for word in words) if len(words) >= _SHORTEST_ACRONYM else ""


def _distinct(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    return tuple({entity.ref: entity for entity in entities}.values())


def _by_ref(entity: Entity) -> EntityRef:
    return entity.ref

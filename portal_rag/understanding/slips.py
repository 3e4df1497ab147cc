"""Names that are spelled nearly as something is written."""

from collections.abc import Iterable, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.understanding.vocabulary import Vocabulary, names_of
from portal_rag.understanding.words import Word, kinds_of, names_nothing, spelled, stem, stems

_LENGTH_FOR_ONE_SLIP = 5
_LENGTH_FOR_TWO_SLIPS = 9
_NEAR_ENOUGH = 0.5
_MOST_NEAR = 5
_LONGEST = 63


def slips_allowed(length: int) -> int:
    """Say how many letters of a name may be missing, extra, wrong or swapped."""
    if length < _LENGTH_FOR_ONE_SLIP:
        return 0
    return 2 if length >= _LENGTH_FOR_TWO_SLIPS else 1


def slips_between(one: str, other: str, most: int) -> int:
    """Count the letters to insert, drop, change or swap with their neighbour; at most `most` + 1.

    This is the optimal string alignment distance.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def misspelled(words: Sequence[Word], vocabulary: Vocabulary) -> tuple[Entity, ...]:
    """Find the entities whose name has the fewest slips in it, where a slip is likely at all.

    Digits must be those of the name, and a word that some name holds is no slip.
    """
    plain = "".join(word.text for word in words)
    most = slips_allowed(len(plain))
    if not most or len(plain) > _LONGEST:
        return ()
    known = {word.stem for word in words if word.stem in vocabulary.known or kinds_of(word.text)}
    found: dict[int, list[Entity]] = {}
    for key, entities in vocabulary.joined.items():
        if abs(len(key) - len(plain)) <= most and _digits(key) == _digits(plain):
            slips = slips_between(plain, key, most)
            if slips <= most:
                found.setdefault(slips, []).extend(_holding(known, entities))
    for slips in sorted(found):
        if found[slips]:
            return tuple({one.ref: one for one in found[slips]}.values())
    return ()


def _holding(known: set[str], entities: Iterable[Entity]) -> Iterable[Entity]:
    for entity in entities:
        names = [set(stems(name)) for name in names_of(entity)]
        if any(known <= name for name in names):
            yield entity


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def nearest(words: str, entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Rank the entities whose names are spelled nearly so or share telling words, a few at most."""
    wanted = [stem(word) for word in spelled(words[:_LONGEST]) if not names_nothing(word)]
    rated = ((_nearness(wanted, entity), entity) for entity in entities) if wanted else ()
    near = [(rate, entity) for rate, entity in rated if rate >= _NEAR_ENOUGH]
    near.sort(key=lambda pair: (-pair[0], pair[1].ref))
    return tuple(entity for _, entity in near[:_MOST_NEAR])


def _nearness(wanted: Sequence[str], entity: Entity) -> float:
    return max(_likeness(wanted, stems(name)) for name in names_of(entity))


def _likeness(wanted: Sequence[str], name: Sequence[str]) -> float:
    """Rate from 0 to 1 how many of the words wanted the name holds, slips allowed."""
    telling = [word for word in name if not kinds_of(word)] or name
    shared = sum(any(_is_alike(word, other) for other in telling) for word in wanted)
    whole, other = "".join(wanted), "".join(telling)
    most = max(1, min(len(whole), len(other)) // 3)
    slips = slips_between(whole, other, most)
    by_letters = 1 - slips / max(len(whole), len(other)) if slips <= most else 0.0
    return max(shared / max(len(wanted), 1), by_letters)


def _is_alike(one: str, other: str) -> bool:
    most = slips_allowed(min(len(one), len(other)))
    return one == other or (most > 0 and slips_between(one, other, most) <= most)

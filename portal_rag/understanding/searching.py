"""Looks for the names of a vocabulary in one text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portal_rag.backstage.entities import Entity
from portal_rag.understanding.slips import misspelled
from portal_rag.understanding.vocabulary import Vocabulary
from portal_rag.understanding.words import (
    Word,
    is_identifier,
    kinds_of,
    names_nothing,
    phrases,
    telling_tokens,
    words_of,
)

KINDS = ("component", "api", "resource", "system", "domain", "group", "user", "template")
LONGEST_NAME_WORDS = 8
_SHORTEST_ACRONYM = 3
_ARTICLES = frozenset("a an another".split())
_BEFORE_NAMES = frozenset("of for about own owns owned does do on by uses use called named".split())
_CERTAIN_KINDS = frozenset("api system domain template user".split())
"""Kinds that people do not take for one another: no component is meant by "the payments API"."""
_INSTANCES = frozenset("prod production staging stage dev test qa primary replica".split())
_BETWEEN = frozenset("the a an our".split())
_NEVER_NAMES = (_BEFORE_NAMES | _ARTICLES | _BETWEEN) | frozenset(
    "all am and are as at be been being can could did find from get give goes had has have how i"
    " if in into is it its me my or please show tell that their them there these this those to us"
    " was we were what when where which who whom whose why will with works would you your depend"
    " depends used using now still up".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Words of a text, where they stand, and the entities that they may mean, in order.

    More than one: it is ambiguous. `is_exact` unless the words are only part of their names;
    `is_assumed` where the name is spelled otherwise.
    """

    words: str
    start: int
    end: int
    entities: tuple[Entity, ...]
    is_exact: bool = True
    is_assumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a question can be about: entities of these kinds rather than of others.

    `is_loose` takes any words for part of a name, or for a misspelled one; otherwise they must
    look like a name, or the kind must be right.
    """

    kinds: frozenset[str] = frozenset(KINDS)
    is_loose: bool = True


ANYTHING = Wanted()


class Search:
    """Looks for names in one text; what was found leaves its words to nothing else."""

    def __init__(self, text: str, vocabulary: Vocabulary, wanted: Wanted) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._wanted = wanted
        self._words = words_of(text)
        self._identified = tuple(self._identifiers())
        self._taken: set[int] = set()

    def found(self) -> list[Named]:
        """Look for whole names, then for parts, then for ordinary words and for slips."""
        found = self.found_whole()
        found += self._taking(self._acronyms())
        found += self._taking(self._parts())
        if not found:
            found = self._taking(self._ordinary())
        found += self._taking(self._slips(identifiers_only=bool(found)))
        return found

    def found_whole(self) -> list[Named]:
        return self._taking(self._whole())

    def _taking(self, runs: Iterable[tuple[int, int, Named]]) -> list[Named]:
        found: list[Named] = []
        for start, end, named in runs:
            if self._taken.isdisjoint(range(start, end)):
                self._taken.update(range(start, end))
                found.append(named)
        return found

    def _whole(self) -> Iterator[tuple[int, int, Named]]:
        for start, end in spans(len(self._words)):
            here = self._words[start:end]
            if all(names_nothing(word.text) for word in here) or self._is_generic(start, end):
                continue
            exact = self._vocabulary.of_name(here)
            named = self._rather(start, end, exact) if exact else None
            if named and (whole := self._whole_token(start, end)):
                yield *whole, self._named(*whole, named.entities, is_assumed=whole != (start, end))

    def _whole_token(self, start: int, end: int) -> tuple[int, int] | None:
        """Widen a name to the token that it begins: `queue-2` and `cart-prod` are told as such.

        None where it is part of a token that is another name: `cart-db` is no `cart`.
        """
        for since, until in self._identified:
            if since < end and start < until and not (start <= since and until <= end):
                rest = self._words[end:until]
                is_instance = all(one.text.isdigit() or one.text in _INSTANCES for one in rest)
                return (since, until) if start == since and is_instance else None
        return start, end

    def _rather(self, start: int, end: int, exact: tuple[Entity, ...]) -> Named | None:
        """Prefer the kinds wanted, even where the words are only part of such a name."""
        hints = self._hints(start, end)
        picked = self._picked(exact, hints)
        kinds = {entity.ref.kind for entity in picked}
        if kinds & (self._wanted.kinds | hints) or is_identifier(self._written(start, end)):
            return self._named(start, end, picked)
        is_phrase = (start, end) in phrases(self._text, self._words)
        if self._kinds_after(end) or not (self._wanted.is_loose or is_phrase):
            return None
        partly = self._partly(self._words[start:end], self._wanted.kinds)
        return self._named(start, end, partly or picked, is_exact=not partly)

    def _hints(self, start: int, end: int) -> frozenset[str]:
        """Say which kinds the words of a name and around it speak of."""
        words = self._words[max(0, start - 1) : end]
        return self._kinds_after(end).union(*(kinds_of(word.text) for word in words))

    def _kinds_after(self, end: int) -> frozenset[str]:
        is_apart = end >= len(self._words) or self._is_apart(end)
        return frozenset() if is_apart else kinds_of(self._words[end].text)

    def _is_apart(self, position: int) -> bool:
        since, until = self._words[position - 1].end, self._words[position].start
        return not self._text[since:until].isspace()

    def _picked(self, entities: Sequence[Entity], hints: frozenset[str]) -> tuple[Entity, ...]:
        hinted = [one for one in entities if one.ref.kind in hints] or entities
        fitting = [one for one in hinted if one.ref.kind in self._wanted.kinds]
        return tuple(fitting or hinted)

    def _acronyms(self) -> Iterator[tuple[int, int, Named]]:
        for position, word in enumerate(self._words):
            written = self._written(position, position + 1)
            is_long = len(written) >= _SHORTEST_ACRONYM
            if is_long and written.isupper() and self._stands_alone(position):
                entities = self._vocabulary.acronyms.get(word.text, ())
                if entities:
                    named = self._named(position, position + 1, self._picked(entities, frozenset()))
                    yield position, position + 1, named

    def _parts(self) -> Iterator[tuple[int, int, Named]]:
        for start, end in phrases(self._text, self._words):
            is_free = self._taken.isdisjoint(range(start, end))
            if is_free and not self._is_generic(start, end) and not self._is_whole(start, end):
                entities = self._of_part(self._words[start:end])
                if entities:
                    yield start, end, self._named(start, end, entities, is_exact=False)

    def _is_whole(self, start: int, end: int) -> bool:
        """Say whether a whole name is written, such as `cart-service`, and not part of one."""
        return any(since < end and start < until for since, until in self._identified)

    def _of_part(self, words: Sequence[Word]) -> tuple[Entity, ...]:
        """Look among the kinds that the words speak of, then those wanted, then all others."""
        hinted = frozenset(kind for word in words for kind in kinds_of(word.text))
        others = self._vocabulary.kinds() if self._wanted.is_loose else frozenset[str]()
        is_certain = bool(hinted) and hinted <= _CERTAIN_KINDS
        tries = (hinted,) if is_certain else (hinted, self._wanted.kinds, others)
        return next((found for kinds in tries if (found := self._partly(words, kinds))), ())

    def _partly(self, words: Sequence[Word], kinds: frozenset[str]) -> tuple[Entity, ...]:
        return self._vocabulary.of_part(words, kinds, is_loose=self._wanted.is_loose)

    def _is_generic(self, start: int, end: int) -> bool:
        """Say whether one word with an indefinite article means a thing of a kind, as "a cart"."""
        telling = [word for word in self._words[start:end] if not kinds_of(word.text)]
        after_article = start > 0 and self._words[start - 1].text in _ARTICLES
        return len(telling) <= 1 and after_article and not is_identifier(self._written(start, end))

    def _ordinary(self) -> Iterator[tuple[int, int, Named]]:
        """Take words such as `docs` for names where one must stand: "the owner of docs"."""
        for position, word in enumerate(self._words):
            entities = self._vocabulary.joined.get(word.text, ())
            is_name = word.text not in _NEVER_NAMES and self._stands_alone(position)
            if entities and is_name and self._is_slot(position):
                picked = self._picked(entities, frozenset())
                yield position, position + 1, self._named(position, position + 1, picked)

    def _stands_alone(self, position: int) -> bool:
        return not any(since <= position < until for since, until in self._identified)

    def _is_slot(self, position: int) -> bool:
        before = [word.text for word in self._words[max(0, position - 2) : position]]
        if before and (before[-1] in _BETWEEN or kinds_of(before[-1])):
            before.pop()
        return bool(before) and before[-1] in _BEFORE_NAMES

    def _slips(self, *, identifiers_only: bool) -> Iterator[tuple[int, int, Named]]:
        """Take what can only be one misspelled name; of several none is taken."""
        runs = [*self._identified]
        if self._wanted.is_loose and not identifiers_only:
            runs += phrases(self._text, self._words)
        for start, end in runs:
            if self._taken.isdisjoint(range(start, end)):
                meant = misspelled(self._words[start:end], self._vocabulary)
                picked = self._picked(meant, self._hints(start, end)) if meant else ()
                if len(picked) == 1:
                    yield start, end, self._named(start, end, picked, is_assumed=True)

    def _identifiers(self) -> Iterator[tuple[int, int]]:
        for since, until, token in telling_tokens(self._text):
            if is_identifier(token) and not set("/:") & set(token):
                inside = [i for i, word in enumerate(self._words) if since <= word.start < until]
                if inside:
                    yield inside[0], inside[-1] + 1

    def _written(self, start: int, end: int) -> str:
        return self._text[self._words[start].start : self._words[end - 1].end]

    def _named(
        self,
        start: int,
        end: int,
        entities: tuple[Entity, ...],
        *,
        is_exact: bool = True,
        is_assumed: bool = False,
    ) -> Named:
        return Named(
            words=self._written(start, end),
            start=self._words[start].start,
            end=self._words[end - 1].end,
            entities=entities,
            is_exact=is_exact,
            is_assumed=is_assumed,
        )


def spans(count: int) -> Iterator[tuple[int, int]]:
    """Yield all runs of words, the longest first, then from left to right."""
    for length in range(min(count, LONGEST_NAME_WORDS), 0, -1):
        for start in range(count - length + 1):
            yield start, start + length

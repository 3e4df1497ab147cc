"""Which entities a question names: by reference, name, title or part of one, in any spelling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE, EntityRef
from portal_rag.domain import Listing, Portal
from portal_rag.understanding.searching import (
    ANYTHING,
    KINDS,
    LONGEST_NAME_WORDS,
    Named,
    Search,
    Wanted,
    spans,
)
from portal_rag.understanding.vocabulary import Vocabularies, Vocabulary
from portal_rag.understanding.words import (
    FUNCTION_WORDS,
    names_nothing,
    references,
    telling_tokens,
    words_of,
)

__all__ = ["ANYTHING", "Named", "Naming", "Wanted"]

_MOST_CANDIDATES = 300
"""Spellings that are looked up in a portal too large to list: a few requests."""
_MOST_REFERENCES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """The names that one asker may see, at the time of one question."""

    portal: Portal
    listing: Listing
    vocabulary: Vocabulary

    @classmethod
    async def of(cls, portal: Portal, vocabularies: Vocabularies) -> Self:
        listing = await portal.listing()
        return cls(portal=portal, listing=listing, vocabulary=vocabularies.of(listing))

    async def named(self, text: str, wanted: Wanted = ANYTHING) -> tuple[Named, ...]:
        """Find the entities that `text` names, from left to right, no word counted twice."""
        referenced, rest = await self._referenced(text, wanted)
        if self.listing.complete:
            found = Search(rest, self.vocabulary, wanted).found()
        else:
            some = await self.portal.find(_candidates(rest))
            found = Search(rest, Vocabulary.of(some), wanted).found_whole()
        return tuple(sorted((*referenced, *found), key=lambda named: named.start))

    async def _referenced(self, text: str, wanted: Wanted) -> tuple[list[Named], str]:
        """Read the references, and leave the text without them, be there such entities or not."""
        written = list(references(text))[:_MOST_REFERENCES]
        refs = {words: _parsed(words) for _, words in written}
        asked = [ref for each in refs.values() for ref in each]
        found = await self.portal.entities(asked) if asked else {}
        named: list[Named] = []
        for start, words in written:
            end = start + len(words)
            entities = tuple(found[ref] for ref in refs[words] if ref in found)
            if entities:
                fitting = tuple(one for one in entities if one.ref.kind in wanted.kinds)
                named.append(Named(words=words, start=start, end=end, entities=fitting or entities))
            if entities or not self._is_list(words):
                text = text[:start] + " " * len(words) + text[end:]
        return named, text

    def _is_list(self, words: str) -> bool:
        """Say whether "cart/basket" means two things rather than one in the namespace `cart`."""
        before, slash, _ = words.partition("/")
        return bool(slash) and ":" not in words and bool(self.vocabulary.of_name(words_of(before)))


def _parsed(words: str) -> tuple[EntityRef, ...]:
    """Read `kind:name`, `kind:namespace/name`; a bare `namespace/name` may be of any kind."""
    kind, _, name = words.rpartition(":")
    namespace, _, plain = name.rpartition("/")
    if kind:
        return (EntityRef(kind, namespace or DEFAULT_NAMESPACE, plain),) if plain else ()
    return tuple(EntityRef(each, namespace, plain) for each in KINDS)


def _candidates(text: str) -> Sequence[str]:
    """Spell the runs of words as names are written; words as they stand come first."""
    tokens = (token for _, _, token in telling_tokens(text))
    written = [token for token in tokens if token and token.lower() not in FUNCTION_WORDS]
    words = [word.text for word in words_of(text)]
    runs = [
        words[start:end]
        for start, end in spans(len(words))
        if end - start <= LONGEST_NAME_WORDS // 2
        and not all(names_nothing(word) for word in words[start:end])
    ]
    joined = (separator.join(run) for run in runs for separator in ("-", "_", "", " ", "."))
    return list(dict.fromkeys((*written, *joined)))[:_MOST_CANDIDATES]

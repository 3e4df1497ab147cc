"""What a question means when it is put beside what was asked before it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Question
from portal_rag.understanding.conversation import (
    MOST_READ,
    Earlier,
    Pointing,
    earlier,
    pointing,
    says_nothing,
)
from portal_rag.understanding.intents import Reading
from portal_rag.understanding.naming import Named, Naming
from portal_rag.understanding.vocabulary import names_of
from portal_rag.understanding.wanting import wanted
from portal_rag.understanding.words import FUNCTION_WORDS, is_identifier, telling_tokens, words_of

_MOST_NAMESPACES = 8

Read = Callable[[str], Awaitable[Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """The reading of a question, the names in it, and what it takes from earlier ones.

    `borrowed` are names of an earlier message, for a question that names nothing itself.
    `repeats` says that it asks of something else what was asked before.
    """

    reading: Reading
    pointing: Pointing
    named: tuple[Named, ...] = ()
    borrowed: tuple[Named, ...] = ()
    earlier: Earlier | None = None
    repeats: bool = False

    @property
    def subjects(self) -> tuple[Named, ...]:
        return self.named or self.borrowed

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Where the names stand in the question."""
        return tuple((one.start, one.end) for one in self.named)

    @property
    def means_one(self) -> bool:
        """Whether "it" stands for something named before."""
        return self.pointing.at_one and bool(self.borrowed)

    @property
    def means_owners(self) -> bool:
        """Whether "them" is said where one thing was named before."""
        return self.pointing.at_many and len(self.borrowed) == 1

    def span_of(self, named: Named) -> tuple[int, int] | None:
        """Say where the question names this, or points to it."""
        return (named.start, named.end) if self.named else self.pointing.words


async def meaning(question: Question, reading: Reading, naming: Naming, read: Read) -> Meant:
    """Find the names; where the question leans on earlier ones, what it takes from them."""
    text = question.text[:MOST_READ]
    named = await naming.named(text, wanted(reading))
    meant = Meant(reading=reading, pointing=pointing(text), named=named)
    if not question.history or not _leans(meant, question):
        return meant
    before = await earlier(question, naming, wanted(reading))
    moved = () if named else await _elsewhere(text, before.named, naming)
    meant = replace(meant, named=named or moved, earlier=before)
    unknown = () if meant.named else _identifiers(text)
    if before.asked and says_nothing(text, (*meant.spans, *unknown)):
        meant = await _repeated(meant, text, before.asked, naming, read)
    return meant if meant.named or unknown else replace(meant, borrowed=before.named)


def _identifiers(text: str) -> tuple[tuple[int, int], ...]:
    """Find what can only be names, whether or not there is anything of that name."""
    return tuple((start, end) for start, end, token in telling_tokens(text) if is_identifier(token))


def _leans(meant: Meant, question: Question) -> bool:
    if meant.named:
        return meant.pointing.is_cut_short
    return meant.pointing.leans and not (meant.pointing.here and question.entity_ref)


async def _repeated(meant: Meant, text: str, asked: str, naming: Naming, read: Read) -> Meant:
    """Ask of something else what was asked before."""
    reading = await read(asked)
    again = await naming.named(text, wanted(reading)) if meant.named else ()
    return replace(meant, reading=reading, named=again or meant.named, repeats=True)


async def _elsewhere(text: str, named: Sequence[Named], naming: Naming) -> tuple[Named, ...]:
    """Find the namesake in another namespace: "and the EU one?"."""
    words = [word for word in words_of(text) if word.text not in FUNCTION_WORDS][:_MOST_NAMESPACES]
    known = {entity.ref for one in named for entity in one.entities}
    refs = {
        EntityRef(ref.kind, word.text, ref.name): word for word in words for ref in sorted(known)
    }
    found = await naming.portal.entities(list(refs)) if refs else {}
    return tuple(
        Named(
            words=text[word.start : word.end],
            start=word.start,
            end=word.end,
            entities=(found[ref],),
        )
        for ref, word in refs.items()
        if ref in found
    )


def whole_text(question: Question, meant: Meant, subjects: Sequence[Entity]) -> str:
    """Make a question whole that leans on its page or on earlier ones, for searching documents."""
    before = meant.earlier
    if before and before.asked and meant.repeats:
        return _asked_of(before, subjects)
    if meant.named:
        return question.text
    parts = [question.text]
    if before and before.asked and meant.reading.purpose == "documents":
        parts.insert(0, before.asked)
    whole = " ".join(parts)
    missing = [entity.display_name for entity in subjects if not _is_in(entity, whole)]
    return " ".join((whole, *missing))


def _asked_of(before: Earlier, subjects: Sequence[Entity]) -> str:
    """Put the names of now where those of then stood."""
    asked = before.asked or ""
    names = " and ".join(entity.display_name for entity in subjects)
    if before.named and before.named_in == asked:
        first = before.named[0]
        return asked[: first.start] + (names or first.words) + asked[first.end :]
    return f"{asked} {names}".strip()


def _is_in(entity: Entity, text: str) -> bool:
    return any(name.lower() in text.lower() for name in names_of(entity))

"""What is offered where a name is ambiguous, or names nothing that the asker may see."""

import re
from collections.abc import Iterable, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.domain import Choice, Question
from portal_rag.understanding.conversation import MOST_READ
from portal_rag.understanding.intents import Reading
from portal_rag.understanding.naming import Naming
from portal_rag.understanding.slips import nearest
from portal_rag.understanding.words import is_identifier, subject_words

_SLOT = re.compile(
    r"\b(?:run ?books?|docs?|documentation|dashboards?|repo(?:sitory)?|terraform|helm|adrs?)\b"
    r"\s+(?:for|of|about)\s+(?:the\s+)?(?P<name>[^\s?!,;]+)|(?P<owner>[^\s?!,;]+)['\u2019]s\s",
    re.IGNORECASE,
)


def choices(
    question: Question, span: tuple[int, int] | None, entities: Iterable[Entity]
) -> tuple[Choice, ...]:
    """Offer the question again for each entity, with its reference in place of the words."""
    return tuple(
        Choice(entity=entity, question=_asking(question.text, span, entity))
        for entity in sorted(entities, key=lambda one: one.ref)
    )


def _asking(text: str, span: tuple[int, int] | None, entity: Entity) -> str:
    if span is None:
        return f"{text} {entity.ref}"
    return text[: span[0]] + str(entity.ref) + text[span[1] :]


def unknown_name(question: Question, reading: Reading) -> str | None:
    """Say which words should have been an entity, if the question cannot do without one."""
    text = question.text[:MOST_READ]
    words = subject_words(text)
    if reading.purpose == "live":
        return words if is_identifier(words) else None
    if reading.purpose == "facts":
        return words or (str(question.entity_ref) if question.entity_ref else None)
    slot = _SLOT.search(text)
    name = (slot["name"] or slot["owner"]) if slot else words
    return name if is_identifier(name) else None


def unknown_beside(reading: Reading, unread: Sequence[str]) -> str | None:
    """Find a second name, of something that is not there, beside one that is."""
    names = (word for word in unread if is_identifier(word))
    return next(names, None) if reading.purpose == "facts" else None


async def near(question: Question, words: str, naming: Naming) -> tuple[Choice, ...]:
    """Offer names that are near; each was read just now, for the listing may be a minute old."""
    alike = nearest(words, naming.listing.entities)
    readable = await naming.portal.readable([entity.ref for entity in alike]) if alike else ()
    at = question.text.find(words)
    span = (at, at + len(words)) if at >= 0 else None
    found = choices(question, span, (entity for entity in alike if entity.ref in readable))
    order = [entity.ref for entity in alike]
    return tuple(sorted(found, key=lambda choice: order.index(choice.entity.ref)))

"""Which of several entities of one name is meant: the namespace or the page may tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.entity_ref import DEFAULT_NAMESPACE, EntityRef
from portal_rag.domain import Portal, Question
from portal_rag.understanding.conversation import MOST_READ
from portal_rag.understanding.naming import Named
from portal_rag.understanding.words import words_of

_MOST_ALIKE = 8
"""Entities that are read of one ambiguous name, and offered at most."""


async def settled(
    question: Question, named: Sequence[Named], portal: Portal, *, by_default: bool
) -> tuple[tuple[Named, ...], Mapping[EntityRef, Entity]]:
    """Read what is named and the page, now, and keep of each name what is there and fits.

    A name of which nothing is left is left out. `by_default` takes a name without a namespace for
    one of the default namespace, as Backstage does, and says that it was assumed.
    """
    refs = [entity.ref for one in named for entity in one.entities[:_MOST_ALIKE]]
    page = [question.entity_ref] if question.entity_ref else []
    wanted = list(dict.fromkeys((*refs, *page)))
    found = await portal.entities(wanted) if wanted else {}
    left = [_left(one, question, found) for one in named]
    if by_default:
        left = [_defaulted(one) for one in left]
    return tuple(one for one in left if one.entities), found


def _left(named: Named, question: Question, found: Mapping[EntityRef, Entity]) -> Named:
    entities = [found[one.ref] for one in named.entities if one.ref in found]
    if len(entities) > 1:
        entities = _in_namespace(entities, question.text[:MOST_READ]) or entities
        entities = [one for one in entities if one.ref == question.entity_ref] or entities
    return replace(named, entities=tuple(entities))


def _in_namespace(entities: Sequence[Entity], text: str) -> list[Entity]:
    """Keep those whose namespace is a word of the text; the default one must be called so."""
    words = [word.text for word in words_of(text)]
    said = {word for word in words if word != DEFAULT_NAMESPACE or "namespace" in words}
    return [one for one in entities if one.ref.namespace in said]


def _defaulted(named: Named) -> Named:
    refs = {(entity.ref.kind, entity.ref.name) for entity in named.entities}
    default = [one for one in named.entities if one.ref.namespace == DEFAULT_NAMESPACE]
    if len(named.entities) == 1 or len(refs) > 1 or not default:
        return named
    return replace(named, entities=tuple(default), is_assumed=True)

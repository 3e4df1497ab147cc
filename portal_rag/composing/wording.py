"""The words of an answer: sentences for facts, and foreign text made harmless."""

import re
from collections.abc import Callable, Mapping, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.redaction import redact
from portal_rag.domain import Mention, Topic

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|!~])")
_VOWEL = re.compile(r"\W*[aeio]", re.IGNORECASE)
_AND_MORE = "- … and more than I list here"
_Sentence = Callable[[str, Sequence[Mention]], str]


def called(entity: Entity) -> str:
    """Name an entity by what people call it and by its reference."""
    return f"{shortly_called(entity)} (`{entity.ref}`)"


def shortly_called(entity: Entity) -> str:
    """Name an entity by what people call it."""
    return f"**{escaped(entity.display_name)}**"


def sentence(
    topic: Topic, subject: str, mentions: Sequence[Mention], *, has_more: bool = False
) -> str:
    """State what is mentioned: in the sentence if it is one thing, else as a list."""
    said = SENTENCES[topic](subject, mentions)
    return f"{said}\n{_AND_MORE}" if has_more else said


def _told(one: str, several: str | None = None) -> _Sentence:
    """Write `one` with a single mention at its `{m}`, and a list behind `several`."""

    def said(subject: str, mentions: Sequence[Mention]) -> str:
        if len(mentions) == 1:
            return one.format(s=subject, m=mentioned(mentions[0]))
        lead = (several or one.partition(" {m}")[0]).format(s=subject).rstrip(":")
        return f"{lead}:\n" + "\n".join(map(item, mentions))

    return said


def _described(subject: str, mentions: Sequence[Mention]) -> str:
    text = escaped(mentions[0].label)
    return f"{subject}: {text}" + ("" if text.endswith((".", "!", "?")) else ".")


def _typed(subject: str, mentions: Sequence[Mention]) -> str:
    text = escaped(mentions[0].label)
    return f"{subject} is {'an' if _VOWEL.match(text) else 'a'} {text}."


SENTENCES: Mapping[Topic, _Sentence] = {
    "owner": _told("{s} is owned by {m}."),
    "description": _described,
    "system": _told("{s} is part of {m}."),
    "lifecycle": _told("The lifecycle of {s} is {m}."),
    "type": _typed,
    "links": _told("Links of {s}: {m}.", "Links of {s}"),
    "contact": _told("To reach the people behind {s}: {m}.", "To reach the people behind {s}"),
    "docs": _told("The documentation of {s} is here: {m}."),
    "runbooks": _told("The runbook of {s} is linked here: {m}.", "Runbooks of {s} are linked here"),
    "repository": _told("The source of {s} is here: {m}."),
    "dependencies": _told("{s} depends on {m}."),
    "dependents": _told("{m} depends on {s}.", "These depend on {s}"),
    "apis_provided": _told("{s} provides {m}."),
    "providers": _told("{s} is provided by {m}."),
    "apis_consumed": _told("{s} consumes {m}."),
    "members": _told("The one member of {s} that I found is {m}.", "The members of {s} are"),
    "teams": _told("{s} belongs with the team {m}.", "{s} belongs with these teams"),
    "owns": _told("{s} owns {m}."),
    "parts": _told("{s} consists of {m}."),
    "related": _told("Related to {s} is {m}.", "Related to {s}"),
    "matches": _told("{s}: {m}.", "{s}"),
}


def item(mention: Mention) -> str:
    """Write a mention as a line of a list."""
    return f"- {mentioned(mention)}"


def mentioned(mention: Mention) -> str:
    """Write a mention in Markdown."""
    if mention.url:
        text = f"[{escaped(mention.label)}]({mention.url})"
    elif mention.ref:
        text = f"**{escaped(mention.label)}** (`{mention.ref}`)"
    else:
        text = escaped(mention.label)
    return f"{text} ({escaped(mention.note)})" if mention.note else text


def escaped(text: str) -> str:
    """Keep foreign text from acting as Markdown (links, images, HTML), and secrets out of it."""
    return _MARKDOWN.sub(r"\\\1", redact(text).text)


MISSING: Mapping[Topic, str] = {
    "owner": "I could not find an owner of {}.",
    "description": "I could not find a description of {}.",
    "system": "I could not find a system that {} is part of.",
    "lifecycle": "I could not find a lifecycle of {}.",
    "type": "I could not find a type of {}.",
    "links": "I could not find links of {}.",
    "contact": "I could not find a way to reach the people behind {}.",
    "docs": "I could not find documentation of {}.",
    "runbooks": "I could not find a runbook of {}.",
    "repository": "I could not find a repository of {}.",
    "dependencies": "I could not find anything that {} depends on.",
    "dependents": "I could not find anything that depends on {}.",
    "providers": "I could not find what provides {}.",
    "apis_provided": "I could not find an API that {} provides.",
    "apis_consumed": "I could not find an API that {} consumes.",
    "members": "I could not find members of {}.",
    "teams": "I could not find teams that {} belongs with.",
    "owns": "I could not find anything that {} owns.",
    "parts": "I could not find anything that is part of {}.",
    "related": "I could not find anything related to {}.",
}
OWNER_LOST = "An owner of {} is recorded, but I could not find it in the catalog."

"""The words of an answer: sentences for facts, and foreign text made harmless."""

import re
from collections.abc import Callable, Mapping, Sequence

from portal_rag.corpus.redaction import redact
from portal_rag.domain import Mention, Topic

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|!~])")


def _listed(lead: str) -> Callable[[str, Sequence[Mention]], str]:
    """Write `lead` with the mentions behind it: in the sentence if one, else as a list."""

    def sentence(subject: str, mentions: Sequence[Mention]) -> str:
        opening = lead.format(subject)
        if len(mentions) == 1:
            return f"{opening} {_mention(mentions[0])}."
        return f"{opening}:\n" + "\n".join(f"- {_mention(mention)}" for mention in mentions)

    return sentence


def _described(subject: str, mentions: Sequence[Mention]) -> str:
    text = escaped(mentions[0].label)
    return f"{subject}: {text}" + ("" if text.endswith((".", "!", "?")) else ".")


SENTENCES: Mapping[Topic, Callable[[str, Sequence[Mention]], str]] = {
    "owner": _listed("{} is owned by"),
    "description": _described,
    "system": _listed("{} is part of"),
    "lifecycle": _listed("The lifecycle of {} is"),
    "type": _listed("{} is a"),
    "links": _listed("Links of {}"),
    "contact": _listed("To reach the people behind {}"),
    "docs": _listed("The documentation of {} is here"),
    "runbooks": _listed("The runbook of {} is linked here"),
    "repository": _listed("The source of {} is here"),
    "dependencies": _listed("{} depends on"),
    "dependents": _listed("These depend on {}"),
    "apis_provided": _listed("{} provides"),
    "providers": _listed("{} is provided by"),
    "apis_consumed": _listed("{} consumes"),
    "members": _listed("The members of {} are"),
    "owns": _listed("{} owns"),
    "parts": _listed("{} consists of"),
    "related": _listed("Related to {}"),
}


def _mention(mention: Mention) -> str:
    if mention.ref and mention.url:
        text = f"[{escaped(mention.label)}]({mention.url})"
    elif mention.ref:
        text = f"**{escaped(mention.label)}** (`{mention.ref}`)"
    elif mention.url:
        text = f"[{escaped(mention.label)}]({mention.url})"
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
    "owns": "I could not find anything that {} owns.",
    "parts": "I could not find anything that is part of {}.",
    "related": "I could not find anything related to {}.",
}

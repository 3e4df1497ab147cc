"""Takes secrets out of everything that was found, before anything is composed of it."""

from dataclasses import replace

from portal_rag.corpus.redaction import redact
from portal_rag.domain import Evidence, Fact, Mention, Passage, Source

_WITHHELD = "a link that is withheld, for its address holds a secret"


def without_secrets(evidence: Evidence) -> Evidence:
    """Redact every text of the evidence; a link whose address holds a secret is no link."""
    return replace(
        evidence,
        facts=tuple(map(_fact, evidence.facts)),
        passages=tuple(map(_passage, evidence.passages)),
    )


def _fact(fact: Fact) -> Fact:
    mentions = tuple(map(_mention, fact.mentions))
    return replace(fact, mentions=mentions, source=_source(fact.source))


def _mention(mention: Mention) -> Mention:
    note = redact(mention.note).text
    if mention.url and redact(mention.url).findings:
        label = _WITHHELD if mention.label == mention.url else redact(mention.label).text
        return replace(mention, label=label, note=note, url=None)
    return replace(mention, label=redact(mention.label).text, note=note)


def _passage(passage: Passage) -> Passage:
    return replace(passage, text=redact(passage.text).text, source=_source(passage.source))


def _source(source: Source) -> Source:
    title = redact(source.title).text
    address, _, _ = source.url.partition("#")
    return replace(
        source,
        id=redact(source.id).text,
        title=title,
        url=source.url if title == source.title else address,
        excerpt=redact(source.excerpt).text,
    )

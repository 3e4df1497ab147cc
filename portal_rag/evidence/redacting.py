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
        contacts=tuple(map(_fact, evidence.contacts)),
        offers=tuple(map(_fact, evidence.offers)),
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
    address = source.url if title == source.title else source.url.partition("#")[0]
    return replace(
        source,
        id=redact(source.id).text,
        title=title,
        url=_harmless(address),
        excerpt=redact(source.excerpt).text,
    )


def _harmless(address: str) -> str:
    """Cut an address as far as a secret in it demands: without its query, or its host alone."""
    page = address.partition("#")[0].partition("?")[0]
    scheme, _, rest = page.partition("://")
    host = f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}"
    return next((each for each in (address, page, host) if not redact(each).findings), "")

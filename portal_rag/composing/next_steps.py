"""What may be done next: links to open, and the next likely questions."""

from collections.abc import Iterable, Mapping, Sequence

from portal_rag.backstage.entities import Entity
from portal_rag.corpus.redaction import redact
from portal_rag.domain import Evidence, Fact, FollowUp, Intent, Mention, Passage, Query, Topic

_MOST_LINKS = 8
_MOST_QUESTIONS = 4
_FIX = "fix"
_LABELS: Mapping[str, str] = {
    "runbook": "Open runbook: {}",
    "docs": "Open {}",
    "repository": "Open repository of {}",
    "dashboard": "Open dashboard: {}",
    _FIX: "Suggest a fix of {} in the catalog",
}
_About = Topic | Intent
_Next = tuple[_About, str]
_OWNER: _Next = ("owner", "Who owns {}?")
_RUNBOOK: _Next = ("runbooks", "Where is the runbook of {}?")
_DEPENDENTS: _Next = ("dependents", "What depends on {}?")
_DEPENDENCIES: _Next = ("dependencies", "What does {} depend on?")
_ON_CALL: _Next = ("on_call", "Who is on call for {}?")
_PARTS: _Next = ("parts", "What is part of {}?")
_OWNS: _Next = ("owns", "What does {} own?")
_NEXT: Mapping[str, Sequence[_Next]] = {
    "component": (_OWNER, _RUNBOOK, _DEPENDENTS, _ON_CALL, _DEPENDENCIES),
    "resource": (_OWNER, _DEPENDENTS, _RUNBOOK, _ON_CALL),
    "api": (_OWNER, ("providers", "Which component provides {}?"), _DEPENDENTS),
    "system": (_OWNER, _PARTS),
    "domain": (_OWNER, _PARTS),
    "group": (
        _OWNS,
        ("members", "Who are the members of {}?"),
        ("contact", "How do I reach {}?"),
    ),
    "user": (_OWNS,),
}


def next_steps(
    query: Query, evidence: Evidence, told: Sequence[Fact], passages: Sequence[Passage]
) -> Iterable[FollowUp]:
    """Offer the pages of what was cited, the links of the subjects, and questions; no URL twice."""
    pages = [FollowUp(label=f"Open {p.source.title}", url=p.source.url) for p in passages]
    links = [(fact, mention) for fact in evidence.offers for mention in fact.mentions]
    offered = [_offered(mention) for _, mention in links if mention.note != _FIX]
    fixes = [_offered(mention) for _, mention in links if mention.note == _FIX]
    stated = [FollowUp(label=f"Open {f.source.title}", url=f.source.url) for f in told]
    yield from _distinct([*pages, *offered, *stated])[:_MOST_LINKS]
    yield from _distinct(fixes)
    yield from asked_next(query)


def asked_next(query: Query) -> Sequence[FollowUp]:
    """Offer the next likely questions about the subjects, but not the one just asked."""
    asked = {query.intent, *(query.topics if query.purpose != "write" else ())}
    return [
        FollowUp(
            label=question.format(redact(entity.display_name).text),
            question=question.format(entity.ref),
        )
        for entity in query.subjects
        for question in _questions(entity, asked)
    ][:_MOST_QUESTIONS]


def _questions(entity: Entity, asked: set[_About]) -> Iterable[str]:
    return (text for about, text in _NEXT.get(entity.ref.kind, ()) if about not in asked)


def _offered(mention: Mention) -> FollowUp:
    return FollowUp(label=_LABELS[mention.note].format(mention.label), url=mention.url)


def _distinct(offers: Iterable[FollowUp]) -> list[FollowUp]:
    kept: dict[str, FollowUp] = {}
    for offer in offers:
        if offer.url:
            kept.setdefault(offer.url.partition("#")[0].rstrip("/"), offer)
    return list(kept.values())

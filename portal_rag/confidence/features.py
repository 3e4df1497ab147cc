"""What kind of answer it is, and the figures by which its chance of being right is judged."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal

from portal_rag.domain import Draft, Evidence, Fact, Passage, Query

AnswerKind = Literal["fact", "partial_fact", "document", "unknown_name", "live", "nothing"]
_MOST_UNREAD = 5


def kind_of(query: Query, draft: Draft, evidence: Evidence) -> AnswerKind | None:
    """Say what an answer rests on; None for one that claims nothing, and so cannot be wrong."""
    if draft.status in ("clarify", "declined"):
        return None
    if cited_passages(draft, evidence):
        return "document"
    if draft.sources:
        return "fact" if draft.status == "answered" else "partial_fact"
    if query.unknown_name:
        return "unknown_name"
    return "live" if query.purpose == "live" else "nothing"


def features_of(query: Query, draft: Draft, evidence: Evidence) -> Mapping[str, float]:
    """Give the figures of an answer from documents; empty for any other, or without signals."""
    cited = cited_passages(draft, evidence)
    if not cited or evidence.signals is None:
        return {}
    best = max(cited, key=lambda passage: passage.similarity or 0.0)
    return {
        **{name: float(value) for name, value in asdict(evidence.signals).items()},
        "best_similarity": best.similarity or 0.0,
        "in_lexical": _share([passage.in_lexical for passage in cited]),
        "about_subject": _share([passage.is_about_subject for passage in cited]),
        "kind_fits": _share([passage.kind in query.document_kinds for passage in cited]),
        "stale": _share([passage.source.stale for passage in cited]),
        "pages": float(len({passage.source.url.partition("#")[0] for passage in cited})),
        "has_subject": float(bool(query.subjects)),
        "unread": float(min(len(draft.unread), _MOST_UNREAD)),
        "is_whole": float(draft.status == "answered"),
    }


def cited_passages(draft: Draft, evidence: Evidence) -> Sequence[Passage]:
    """List the passages that the answer cites."""
    return [passage for passage in evidence.passages if passage.source in draft.sources]


def cited_facts(draft: Draft, evidence: Evidence) -> Sequence[Fact]:
    """List the facts that the answer cites, those about whom to ask included."""
    facts = (*evidence.facts, *evidence.contacts)
    return [fact for fact in facts if fact.source in draft.sources]


def _share(holds: Sequence[bool]) -> float:
    return sum(holds) / len(holds)

"""Judges one answer against one case: which checks hold, which fail, which do not apply."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from evals.golden_set.cases import Case, Outcome, RefusalReason, alternatives
from evals.golden_set.citing import (
    cited_sources,
    cites,
    dangling_citations,
    is_live,
    is_named,
    owners_of,
    page_name,
)
from evals.golden_set.hard_tokens import ungrounded
from evals.golden_set.texts import everything_said, normalised

Answer = Mapping[str, Any]

OUTCOMES: Mapping[str, Outcome] = {
    "answered": "answer",
    "partial": "partial",
    "clarify": "clarify",
    "insufficient_evidence": "refuse",
    "declined": "refuse",
}
_NOTHING, _EITHER = frozenset({"insufficient_evidence"}), {"insufficient_evidence", "declined"}
_STATUSES: Mapping[RefusalReason | None, frozenset[str]] = {
    "not_found": _NOTHING,
    "not_permitted": _NOTHING,
    "no_live_source": _NOTHING,
    "ambiguous": _NOTHING,
    "out_of_scope": frozenset(_EITHER),
    "write_request": frozenset(_EITHER),
    "chit_chat": frozenset(_EITHER),
    None: frozenset(_EITHER),
}
_CLAIMING = frozenset({"answered", "partial"})
_STATIC_CONSULTED = frozenset({"catalog", "index", "search"})
_LEVELS = ("low", "medium", "high")
_OF_PERMISSIONS = re.compile(
    r"\b(permission|permitted|not allowed|forbidden|unauthori[sz]ed|access denied|no access"
    r"|restricted|confidential|hidden)\b"
)
_LEAK_TAGS = frozenset({"permission", "permissions", "leak", "hidden", "not_permitted"})


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What was checked: `checks` by name, None where one does not apply; `notes` say why not.

    `ungrounded` are the hard tokens that nothing carries, `leaks` what should not have been shown.
    """

    checks: dict[str, bool | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    ungrounded: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    citation_precision: float | None = None
    citation_recall: float | None = None

    @property
    def passed(self) -> bool:
        return all(holds is not False for holds in self.checks.values())


def judge(case: Case, answer: Answer, asked_at: datetime) -> Verdict:
    """Check everything that a case says of its answer."""
    verdict = Verdict()
    for name, check in _CHECKS.items():
        problems = check(case, answer, asked_at)
        if problems is None:
            verdict.checks[name] = None
            continue
        found = list(problems)
        verdict.checks[name] = not found
        verdict.notes += [f"{name}: {problem}" for problem in found]
    verdict.ungrounded = _ungrounded(case, answer) or ()
    verdict.leaks = tuple(_leaks(case, answer))
    _measure_citations(case, answer, verdict)
    return verdict


def unanswered(problem: str) -> Verdict:
    """Judge a question that got no answer at all."""
    return Verdict(checks={"outcome": False}, notes=[f"outcome: {problem}"])


def outcome_of(answer: Answer) -> Outcome:
    """Give what the status of an answer is in the words of the golden set."""
    return OUTCOMES[answer["status"]]


Problems = Iterator[str] | None
"""None: the check does not apply."""


def _outcome(case: Case, answer: Answer, _: datetime) -> Problems:
    return _outcome_problems(case, answer)


def _outcome_problems(case: Case, answer: Answer) -> Iterator[str]:
    wanted, status = case.expect, answer["status"]
    fitting = _STATUSES[wanted.refusal_reason] if wanted.outcome == "refuse" else None
    if wanted.refusal_reason == "ambiguous" and status == "clarify":
        return
    if outcome_of(answer) not in wanted.outcomes:
        yield f"{status}, not {' or '.join(wanted.outcomes)}"
    elif fitting and outcome_of(answer) == "refuse" and status not in fitting:
        yield f"{status} does not fit {wanted.refusal_reason}"


def _is_comparable(case: Case, answer: Answer) -> bool:
    """Whether what was expected of the content can be asked of this answer at all.

    It can if both claim something, or are of the same other outcome. What was refused wrongly is
    the business of the outcome alone.
    """
    got, wanted = outcome_of(answer), case.expect.outcome
    return got == wanted or {got, wanted} == {"answer", "partial"}


def _looks_like_not_found(case: Case, answer: Answer, _: datetime) -> Problems:
    if case.expect.refusal_reason != "not_permitted":
        return None
    told = set(_OF_PERMISSIONS.findall(everything_said(answer)))
    told -= set(_OF_PERMISSIONS.findall(normalised(case.said)))
    return (f"speaks of permissions: {word}" for word in sorted(told))


def _facts(case: Case, answer: Answer, _: datetime) -> Problems:
    if not case.expect.facts or not _is_comparable(case, answer):
        return None
    parts = [answer["answer"]]
    for source in cited_sources(answer):
        parts += [source["excerpt"], source["title"], source["url"]]
    text = normalised("\n".join(parts))
    return (
        f"lacks {' | '.join(alternatives(fact))}"
        for fact in case.expect.facts
        if not any(normalised(each) in text for each in alternatives(fact))
    )


def _forbidden(case: Case, answer: Answer, _: datetime) -> Problems:
    return (f"says {text}" for text in _forbidden_said(case, answer))


def _forbidden_said(case: Case, answer: Answer) -> list[str]:
    text, said = everything_said(answer), normalised(case.said)
    return [
        each
        for each in case.expect.forbidden
        if normalised(each) in text and normalised(each) not in said
    ]


def _required_source(case: Case, answer: Answer, _: datetime) -> Problems:
    if not case.expect.required_sources or not _is_comparable(case, answer):
        return None
    cited = cited_sources(answer)
    return (
        f"does not cite {' | '.join(alternatives(name))}"
        for name in case.expect.required_sources
        if not cites(cited, alternatives(name))
    )


def _forbidden_source(case: Case, answer: Answer, _: datetime) -> Problems:
    return (f"shows {name}" for name in _forbidden_shown(case, answer))


def _forbidden_shown(case: Case, answer: Answer) -> list[str]:
    return [name for name in case.expect.forbidden_sources if cites(answer["sources"], (name,))]


def _confidence(case: Case, answer: Answer, _: datetime) -> Problems:
    if not case.expect.min_confidence and not case.expect.max_confidence:
        return None
    if not _is_comparable(case, answer):
        return None
    return _confidence_problems(case, answer)


def _confidence_problems(case: Case, answer: Answer) -> Iterator[str]:
    level = (answer.get("confidence") or {}).get("level")
    place = _LEVELS.index(level) if level in _LEVELS else -1
    least, most = case.expect.min_confidence, case.expect.max_confidence
    if least and place < _LEVELS.index(least) and (level or answer["status"] in _CLAIMING):
        yield f"{level or 'none'}, at least {least} was expected"
    if most and place > _LEVELS.index(most):
        yield f"{level}, at most {most} was expected"


def _live_data(case: Case, answer: Answer, _: datetime) -> Problems:
    wanted = case.expect.live_data
    if wanted == "allowed" or (wanted == "required" and answer["status"] != "answered"):
        return None
    is_used = any(map(is_live, cited_sources(answer)))
    if wanted == "required":
        asked = any(
            each["state"] == "ok" and each["source"] not in _STATIC_CONSULTED
            for each in answer["consulted"]
        )
        return iter(() if is_used and asked else ("cites no live source",))
    return iter(("cites a live source",) if is_used else ())


def _freshness(case: Case, answer: Answer, asked_at: datetime) -> Problems:
    longest = case.expect.max_age_seconds
    if longest is None:
        return None
    ages = {
        page_name(source): (asked_at - datetime.fromisoformat(source["fetchedAt"])).total_seconds()
        for source in cited_sources(answer)
    }
    return (f"{name} is {age:.0f} s old" for name, age in ages.items() if age > longest)


def _citations(case: Case, answer: Answer, _: datetime) -> Problems:
    if answer["status"] not in _CLAIMING and not answer["sources"]:
        return None
    return _citation_problems(answer)


def _citation_problems(answer: Answer) -> Iterator[str]:
    for number in dangling_citations(answer):
        yield f"[{number}] is no source"
    if answer["status"] in _CLAIMING and not cited_sources(answer):
        yield "an answer without any citation"


def _grounding(case: Case, answer: Answer, _: datetime) -> Problems:
    missing = _ungrounded(case, answer)
    return None if missing is None else (f"no source holds {token}" for token in missing)


def _ungrounded(case: Case, answer: Answer) -> tuple[str, ...] | None:
    if answer["status"] not in _CLAIMING and not answer["sources"]:
        return None
    return ungrounded(answer, case.said)


_CHECKS: Mapping[str, Callable[[Case, Answer, datetime], Problems]] = {
    "outcome": _outcome,
    "looks_like_not_found": _looks_like_not_found,
    "facts": _facts,
    "forbidden": _forbidden,
    "required_source": _required_source,
    "forbidden_source": _forbidden_source,
    "confidence": _confidence,
    "live_data": _live_data,
    "freshness": _freshness,
    "citations": _citations,
    "grounding": _grounding,
}


def _leaks(case: Case, answer: Answer) -> Iterator[str]:
    """Give what was shown and is forbidden, where that is because it is hidden from the asker."""
    if case.expect.refusal_reason == "not_permitted" or _LEAK_TAGS & set(case.tags):
        yield from _forbidden_shown(case, answer)
        yield from _forbidden_said(case, answer)


def judge_visibility(answer: Answer, visible: Collection[str], verdict: Verdict) -> None:
    """Count each source as a leak whose entity is not among what the portal shows to the asker."""
    for source in answer["sources"]:
        if hidden := sorted(owners_of(source) - {ref.casefold() for ref in visible}):
            verdict.leaks = (*verdict.leaks, page_name(source))
            verdict.checks["forbidden_source"] = False
            verdict.notes.append(f"forbidden_source: shows {hidden[0]}, hidden from the asker")


def _measure_citations(case: Case, answer: Answer, verdict: Verdict) -> None:
    required, cited = case.expect.required_sources, cited_sources(answer)
    if not required or not _is_comparable(case, answer):
        return
    verdict.citation_recall = sum(cites(cited, alternatives(n)) for n in required) / len(required)
    if cited:
        good = [name for each in required for name in alternatives(each)]
        good += case.expect.acceptable_sources
        useful = sum(any(is_named(source, name) for name in good) for source in cited)
        verdict.citation_precision = useful / len(cited)

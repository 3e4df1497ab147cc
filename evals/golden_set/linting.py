"""What is wrong with a golden set before anybody is asked."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import anyio
import yaml

from evals.golden_set.cases import Case, alternatives
from evals.golden_set.citing import cites
from evals.golden_set.texts import normalised
from indexer.sources.files import FilesSource
from indexer.sources.source import EVERYTHING_ANEW
from portal_rag.corpus.documents import Document

DRAFT = "draft"
LEAST_HARD_SHARE = 0.35
MOST_OF_A_TEMPLATE = 3
_FEW = 20
"""Cases below which a share says nothing."""
_HARD_TAGS = frozenset(
    "permission permissions leak ambiguity ambiguous stale trap refusal injection".split()
)
_NAME = "<name>"
_LEVELS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a portal of files has: its entities and its pages, written as an answer's sources."""

    sources: tuple[Mapping[str, Any], ...]
    names: tuple[str, ...]


def lint(cases: Sequence[Case], corpus: Corpus | None) -> Iterator[str]:
    """Say in words what is wrong; `corpus` allows to look whether sources exist."""
    for case in cases:
        for problem in chain(_expectations(case), _marks(case), _unknown_sources(case, corpus)):
            yield f"{case.id}: {problem}"
    yield from _twice(cases)
    yield from _too_few_hard(cases)
    if corpus:
        yield from _templates(cases, corpus)


def _expectations(case: Case) -> Iterator[str]:
    wanted = case.expect
    if wanted.outcome == "refuse":
        if not wanted.refusal_reason:
            yield "a refusal needs refusal_reason"
        if wanted.facts or wanted.required_sources:
            yield "a refusal has no facts and no required_sources"
    elif wanted.refusal_reason and (wanted.outcome, wanted.refusal_reason) != (
        "clarify",
        "ambiguous",
    ):
        yield f"refusal_reason is for refusals, and the outcome is {wanted.outcome}"
    if wanted.outcome in ("answer", "partial") and not _checked_contents(case):
        yield "an answer needs facts, required_sources, or something that is forbidden"
    if wanted.live_data == "required" and wanted.outcome == "answer":
        yield "without a live source there is no full answer; expect partial or refuse"
    least, most = wanted.min_confidence, wanted.max_confidence
    if least and most and _LEVELS.index(least) > _LEVELS.index(most):
        yield "min_confidence is above max_confidence"
    yield from _given_away(case)


def _checked_contents(case: Case) -> bool:
    """Whether any text or source of the answer is looked at."""
    wanted = case.expect
    return bool(
        wanted.facts or wanted.required_sources or wanted.forbidden or wanted.forbidden_sources
    )


def _given_away(case: Case) -> Iterator[str]:
    """Find facts that the question already says, and facts that are forbidden as well."""
    question = normalised(case.question)
    forbidden = {normalised(text) for text in case.expect.forbidden}
    for fact in case.expect.facts:
        texts = [normalised(text) for text in alternatives(fact)]
        if any(text in question for text in texts):
            yield f"the question says the fact {' | '.join(alternatives(fact))}"
        if any(bad in text for text in texts for bad in forbidden):
            yield f"the fact {' | '.join(alternatives(fact))} is forbidden, too"


def _marks(case: Case) -> Iterator[str]:
    if DRAFT in case.tags:
        yield f"is still a draft; say what is right and take the tag {DRAFT} away"
    if not case.tags:
        yield "has no tags"


def _unknown_sources(case: Case, corpus: Corpus | None) -> Iterator[str]:
    if corpus is None:
        return
    wanted = case.expect
    named = [name for each in wanted.required_sources for name in alternatives(each)]
    for name in (*named, *wanted.acceptable_sources, *wanted.forbidden_sources):
        if not cites(corpus.sources, (name,)):
            yield f"the portal has no {name}"


def _twice(cases: Sequence[Case]) -> Iterator[str]:
    asked: dict[object, str] = {}
    for case in cases:
        key = (normalised(case.said), case.asker, case.entity_ref)
        if key in asked:
            yield f"{case.id}: {asked[key]} asks the same as the same user"
        asked.setdefault(key, case.id)


def _too_few_hard(cases: Sequence[Case]) -> Iterator[str]:
    hard = sum(_is_hard(case) for case in cases)
    if len(cases) >= _FEW and hard < LEAST_HARD_SHARE * len(cases):
        yield (
            f"only {hard} of {len(cases)} cases are about refusals, permissions, ambiguity, stale"
            f" sources or traps; at least {LEAST_HARD_SHARE:.0%} should be"
        )


def _is_hard(case: Case) -> bool:
    return case.expect.outcome in ("refuse", "clarify") or bool(_HARD_TAGS & set(case.tags))


def _templates(cases: Sequence[Case], corpus: Corpus) -> Iterator[str]:
    """Find questions that differ in nothing but the name."""
    ordered = sorted(corpus.names, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, ordered))})(?![\w-])", re.I)
    shapes = Counter(normalised(pattern.sub(_NAME, case.question)) for case in cases)
    for shape, count in shapes.items():
        if count > MOST_OF_A_TEMPLATE and _NAME in shape:
            yield f"{count} questions are “{shape}”; at most {MOST_OF_A_TEMPLATE} of one template"


def read_corpus(portal: Path) -> Corpus:
    """Read a portal of files as the indexer does."""
    entities = [_entity(each) for each in _catalog(portal)]
    pages = anyio.run(_pages, portal)
    names = [str(each["entityRef"]).rpartition("/")[2] for each in entities]
    titles = [str(each["title"]) for each in entities]
    return Corpus(sources=(*entities, *pages), names=tuple(dict.fromkeys([*names, *titles])))


def _catalog(portal: Path) -> Iterator[Mapping[str, Any]]:
    for file in sorted([*portal.rglob("*.yaml"), *portal.rglob("*.yml")]):
        if file.name.startswith("mkdocs."):
            continue
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if isinstance(document, dict) and {"kind", "metadata"} <= document.keys():
                yield document


def _entity(document: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = document["metadata"]
    ref = f"{document['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()
    title = metadata.get("title") or metadata["name"]
    return {"kind": "catalog", "entityRef": ref, "title": title, "url": ""}


async def _pages(portal: Path) -> Iterable[Mapping[str, Any]]:
    source = FilesSource(portal, app_url="https://portal.example")
    return [
        {"kind": "techdocs", "entityRef": str(read.entity_ref), "title": "", "url": read.url}
        async for read in source.documents(EVERYTHING_ANEW)
        if isinstance(read, Document) and read.kind not in ("entity", "api")
    ]

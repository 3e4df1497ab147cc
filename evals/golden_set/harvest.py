"""Turns questions whose answers people disliked into draft cases."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from evals.golden_set.cases import GoldenSetError, Ref, Text, UserRef
from evals.golden_set.linting import DRAFT
from evals.golden_set.texts import normalised
from portal_rag.corpus.redaction import redact

_HEAD = """\
# Drafts of golden cases, from answers that people disliked. Of each, say in `expect` what would
# have been right, look at `asker`, and take away the tag `draft` and what is private in
# `provenance`. `portal-evals lint` refuses drafts.
"""


class FeedbackSource(BaseModel):
    """A source that the answer had shown."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    kind: str
    entity_ref: str
    url: str


class Feedback(BaseModel):
    """A line of a feedback file: a question, the answer it got, and what somebody said of it."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel)

    question: Text
    entity_ref: Ref | None = None
    asker: UserRef | None = None
    answer_id: Text
    rating: Literal["up", "down"]
    comment: Annotated[str, Field(max_length=4_000)] | None = None
    status: str | None = None
    sources: tuple[FeedbackSource, ...] = ()


def read_feedback(path: Path) -> tuple[Feedback, ...]:
    """Read a feedback file.

    Raises:
        GoldenSetError: it cannot be read, or a line is not feedback; the line's number is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GoldenSetError(f"{path}: cannot be read: {error}") from error
    read = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            read.append(Feedback.model_validate_json(line))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(map(str, first["loc"])) or "line"
            raise GoldenSetError(f"{path}: line {number}: {field}: {first['msg']}") from error
    return tuple(read)


def drafts(feedback: Iterable[Feedback]) -> Iterator[dict[str, Any]]:
    """Give a draft for each question that somebody disliked; the same question is one draft."""
    seen: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for each in feedback:
        if each.rating != "down":
            continue
        name = _name(each)
        if name in seen:
            rows[seen[name]]["provenance"]["votes"] += 1
            continue
        seen[name] = len(rows)
        rows.append(_draft(name, each))
    yield from rows


def format_drafts(rows: Iterable[dict[str, Any]]) -> str:
    """Write drafts as a file of cases."""
    listed = list(rows)
    body = yaml.safe_dump(listed, sort_keys=False, allow_unicode=True, width=120)
    return _HEAD + (body if listed else "[]\n")


def _name(each: Feedback) -> str:
    key = json.dumps([normalised(each.question), each.entity_ref, each.asker])
    return f"feedback-{hashlib.sha256(key.encode()).hexdigest()[:10]}"


def _draft(name: str, each: Feedback) -> dict[str, Any]:
    draft: dict[str, Any] = {"id": name, "question": redact(each.question).text}
    if each.asker:
        draft["asker"] = each.asker
    if each.entity_ref:
        draft["entity_ref"] = each.entity_ref
    return draft | {
        "expect": {"outcome": "answer", "facts": [], "required_sources": []},
        "tags": [DRAFT, "feedback"],
        "provenance": {
            "source": "feedback",
            "answer_id": each.answer_id,
            "votes": 1,
            "got": each.status,
            "comment": redact(each.comment).text if each.comment else None,
            "shown": [f"{one.kind} {one.entity_ref} {one.url}" for one in each.sources],
        },
    }

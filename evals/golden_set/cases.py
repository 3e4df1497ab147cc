"""The golden set: questions in YAML, who asks them, and what each answer must and must not hold."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Outcome = Literal["answer", "partial", "clarify", "refuse"]
RefusalReason = Literal[
    "not_found",
    "not_permitted",
    "no_live_source",
    "out_of_scope",
    "ambiguous",
    "write_request",
    "chit_chat",
]
Confidence = Literal["low", "medium", "high"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
UserRef = Annotated[str, StringConstraints(pattern=r"^user:[^:/\s]+/[^:/\s]+$")]
Ref = Annotated[str, StringConstraints(pattern=r"^[^:/\s]+:[^:/\s]+/[^:/\s]+$")]
SourceName = Annotated[
    str, StringConstraints(pattern=r"^(catalog:[^:/\s]+:[^:/\s]+/[^:/\s]+|docs:[^:/\s]+:[^:\s]+)$")
]
"""`catalog:<kind:namespace/name>`, or `docs:<kind:namespace/name>/<page path>`."""


class GoldenSetError(Exception):
    """A file of cases cannot be used; the message names file, case and field."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Turn(_Row):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: Text


class Expectation(_Row):
    """What the answer must be.

    Of a list in `facts` or `required_sources` one is enough. `acceptable_outcomes` are right, too.
    `max_age_seconds` is how long ago a cited source may have been fetched.
    """

    outcome: Outcome
    acceptable_outcomes: tuple[Outcome, ...] = ()
    refusal_reason: RefusalReason | None = None
    facts: tuple[Text | tuple[Text, ...], ...] = ()
    forbidden: tuple[Text, ...] = ()
    required_sources: tuple[SourceName | tuple[SourceName, ...], ...] = ()
    acceptable_sources: tuple[SourceName, ...] = ()
    forbidden_sources: tuple[SourceName, ...] = ()
    live_data: Literal["required", "allowed", "forbidden"] = "allowed"
    max_age_seconds: Annotated[float, Field(gt=0)] | None = None
    min_confidence: Confidence | None = None
    max_confidence: Confidence | None = None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Give all outcomes that are right."""
        return (self.outcome, *self.acceptable_outcomes)


class Case(_Row):
    """A question, the permissions it is asked with, and what is expected.

    `intent` and `entities` are what should be understood; they do not decide whether a case passes.
    `weight` is for the reader: here every case counts the same.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    question: Text
    asker: UserRef | None = None
    entity_ref: Ref | None = None
    history: tuple[Turn, ...] = ()
    expect: Expectation
    intent: Text | None = None
    entities: tuple[Ref, ...] = ()
    critical: bool = False
    tags: tuple[Text, ...] = ()
    weight: Annotated[float, Field(gt=0)] = 1
    provenance: Mapping[str, Any] = {}

    @property
    def said(self) -> str:
        """All that the asker brings along."""
        return "\n".join((self.question, self.entity_ref or "", *(t.content for t in self.history)))

    @property
    def cluster(self) -> str:
        """Name what this case shares with others about the same source; its own id if nothing."""
        required = self.expect.required_sources
        if not required:
            return self.id
        first = required[0]
        return first if isinstance(first, str) else first[0]


def alternatives(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    """Give the texts of which one is enough."""
    return (wanted,) if isinstance(wanted, str) else wanted


def load_cases(paths: Iterable[Path]) -> tuple[Case, ...]:
    """Read the cases of all files, in order.

    Raises:
        GoldenSetError: a file is not a list of cases, a field is missing, unknown or wrong, or
            two cases have the same id; each problem is a line of the message.
    """
    problems: list[str] = []
    cases: dict[str, Case] = {}
    for path in paths:
        for row in _rows(path):
            try:
                case = Case.model_validate_json(_as_json(row))
            except ValidationError as error:
                problems += _explained(path, row, error)
                continue
            if case.id in cases:
                problems.append(f"{path}: {case.id}: another case has this id")
            cases.setdefault(case.id, case)
    if problems:
        raise GoldenSetError("\n".join(problems))
    return tuple(cases.values())


def _rows(path: Path) -> list[Any]:
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise GoldenSetError(f"{path}: cannot be read: {error}") from error
    if not isinstance(rows, list):
        raise GoldenSetError(f"{path}: must be a list of cases, each with id, question and expect")
    return rows


def _explained(path: Path, row: Any, error: ValidationError) -> Iterable[str]:
    name = row.get("id", "a case without id") if isinstance(row, dict) else "not a mapping"
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        field = ".".join(map(str, problem["loc"])) or "case"
        yield f"{path}: {name}: {field}: {problem['msg']}"


def _as_json(row: Any) -> str:
    """Write a YAML value as JSON, where lists stand for tuples; dates become text."""
    return json.dumps(row, default=str)

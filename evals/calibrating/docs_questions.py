"""Questions over the documentation of Backstage, as cases: the right page must be cited."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from evals.golden_set.cases import Case, Expectation, GoldenSetError

_OWNER = "docs:component:default/backstage/"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    question: Annotated[str, Field(min_length=1)]
    pages: tuple[str, ...]
    answerable: bool


_ROWS = TypeAdapter(tuple[_Row, ...])


def load_docs_questions(path: Path) -> Sequence[Case]:
    """Read questions with the pages of which each one answers.

    Raises:
        GoldenSetError: it is not such a file.
    """
    try:
        rows = _ROWS.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise GoldenSetError(f"{path}: cannot be read: {str(error)[:300]}") from error
    return [_case(row) for row in rows]


def _case(row: _Row) -> Case:
    if not row.answerable:
        expect = Expectation(outcome="refuse", refusal_reason="not_found")
        return Case(id=row.id, question=row.question, expect=expect)
    pages = tuple(_OWNER + page.removeprefix("docs/") for page in row.pages)
    expect = Expectation(
        outcome="answer", acceptable_outcomes=("partial",), required_sources=(pages,)
    )
    return Case(id=row.id, question=row.question, expect=expect)

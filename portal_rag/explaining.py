"""What is wrong with a setting or a file, for whoever wrote it; its value is never repeated."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

_SENTENCES: Mapping[str, str] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


def expectation(problem: Mapping[str, Any]) -> str:
    """Say what a value must be, of one of pydantic's `errors()` with its context."""
    context = problem.get("ctx", {})
    if problem["type"] == "too_short":
        what = "characters" if context["field_type"] == "Value" else "entries"
        return f"must have at least {context['min_length']} {what}"
    sentence = _SENTENCES.get(problem["type"])
    message: str = problem["msg"]
    if sentence is None:
        return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return sentence.format_map(context)


def file_problems(error: ValidationError, *, models: Iterable[type[BaseModel]], whole: str) -> str:
    """List what is wrong in a file by its place; `whole` is what the file must be altogether."""
    known = sorted({name for model in models for name in _names(model)})
    problems = error.errors(include_url=False, include_input=False)
    return "; ".join(_placed(problem, known, whole) for problem in problems)


def _placed(problem: Mapping[str, Any], known: Iterable[str], whole: str) -> str:
    place = ".".join(map(str, problem["loc"]))
    if not place:
        return f"the file must be {whole}"
    if problem["type"] != "extra_forbidden":
        return f"{place} {expectation(problem)}"
    near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
    return f"{place} is not known" + (f"; did you mean {near[0]}?" if near else "")


def _names(model: type[BaseModel]) -> Iterable[str]:
    return (field.alias or name for name, field in model.model_fields.items())

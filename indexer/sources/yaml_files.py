"""YAML as Backstage reads it: nothing turns into a date, and `on` and `no` stay words."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from portal_rag.errors import InputError

_TAG = "tag:yaml.org,2002:"
_ONLY_IN_YAML_1_1 = {_TAG + "bool", _TAG + "int", _TAG + "timestamp"}


class _PlainLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, near enough."""


class _LenientLoader(_PlainLoader):
    """Reads what its own program would run or look up (`!!python/name:…`, `!ENV`) as nothing."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _ONLY_IN_YAML_1_1]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    _TAG + "bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")
)
_PlainLoader.add_implicit_resolver(
    _TAG + "int", re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")
)
for _prefix in ("!", _TAG + "python/"):
    _LenientLoader.add_multi_constructor(_prefix, lambda _loader, _suffix, _node: None)


def load_documents(text: str) -> Iterator[Any]:
    """Read the documents of a file one by one; those before a broken one are read.

    Raises:
        InputError: what follows is not valid YAML.
    """
    documents = yaml.load_all(text, Loader=_PlainLoader)
    while True:
        try:
            document = _checked(lambda: next(documents))
        except StopIteration:
            return
        yield document


def load_document(text: str) -> Any:
    """Read a file of one document, ignoring tags that are not plain data.

    Raises:
        InputError: it is not valid YAML.
    """
    return _checked(lambda: yaml.load(text, Loader=_LenientLoader))  # noqa: S506  (a SafeLoader)


def _checked(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not valid YAML: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)

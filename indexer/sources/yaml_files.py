"""YAML as Backstage reads it: nothing turns into a date, and `on` and `no` stay words.

What would take long or much memory is refused: deep nesting, merges that multiply themselves,
numbers of very many digits. Aliases cost nothing to read; who walks through them must count.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from portal_rag.errors import InputError

DEEPEST = 100
_LONGEST_NUMBER = 100
_MOST_MERGED = 10_000
_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_ONLY_IN_YAML_1_1 = {_TAG + "bool", _TAG + "int", _TAG + "timestamp"}
_OPENING = (yaml.SequenceStartEvent, yaml.MappingStartEvent)
_CLOSING = (yaml.SequenceEndEvent, yaml.MappingEndEvent)
_MISFITS = (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError)
"""What PyYAML lets through where a value does not fit its tag, as in `!!bool perhaps`."""


class _PlainLoader(yaml.CSafeLoader):
    """YAML 1.2's core schema, near enough."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge `<<`, unless that multiplies what was merged before."""
        merges = any(key.tag == _MERGE for key, _ in node.value)
        super().flatten_mapping(node)
        if merges and len(node.value) > _MOST_MERGED:
            raise _refusal("merges too much", node)

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        if len(node.value) > _LONGEST_NUMBER:
            raise _refusal("a number of too many digits", node)
        is_whole = node.tag == _TAG + "int"
        number: int | float = (
            self.construct_yaml_int(node) if is_whole else self.construct_yaml_float(node)
        )
        return number


class _LenientLoader(_PlainLoader):
    """Reads what its own program would run or look up (`!!python/name:…`, `!ENV`) as nothing."""


class _DatingLoader(_PlainLoader):
    """Reads dates as dates."""


def _refusal(problem: str, node: yaml.Node) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


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
_DatingLoader.add_implicit_resolver(
    _TAG + "timestamp", re.compile(r"\d{4}-\d\d?-\d\d?(?:[Tt \t].*)?\Z"), list("0123456789")
)
for _number in ("int", "float"):
    _PlainLoader.add_constructor(_TAG + _number, _PlainLoader.construct_number)
    _LenientLoader.add_constructor(_TAG + _number, _PlainLoader.construct_number)
    _DatingLoader.add_constructor(_TAG + _number, _PlainLoader.construct_number)
for _prefix in ("!", _TAG + "python/"):
    _LenientLoader.add_multi_constructor(_prefix, lambda _loader, _suffix, _node: None)


def load_documents(text: str) -> Iterator[Any]:
    """Read the documents of a file one by one; those before a broken one are read.

    Raises:
        InputError: what follows is not valid YAML, or nested more than DEEPEST levels deep.
    """
    documents = yaml.load_all(_no_deeper(text), Loader=_PlainLoader)
    while True:
        try:
            document = _checked(lambda: next(documents))
        except StopIteration:
            return
        yield document


def load_document(text: str) -> Any:
    """Read a file of one document, ignoring tags that are not plain data.

    Raises:
        InputError: it is not valid YAML, or nested more than DEEPEST levels deep.
    """
    return _checked(lambda: yaml.load(_no_deeper(text), Loader=_LenientLoader))  # noqa: S506  (a SafeLoader)


def load_front_matter(text: str) -> Any:
    """Read the block at the top of a page, with its dates.

    Raises:
        InputError: it is not valid YAML, or nested more than DEEPEST levels deep.
    """
    return _checked(lambda: yaml.load(_no_deeper(text), Loader=_DatingLoader))  # noqa: S506  (a SafeLoader)


def _no_deeper(text: str) -> str:
    """Look at the nesting alone, before anything is made of it: libyaml itself has no limit."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
            if depth > DEEPEST:
                raise InputError(f"nested more than {DEEPEST} levels deep")
    except yaml.YAMLError:
        return text  # the reading that follows comes to the same place, and says so
    return text


def _checked(load: Callable[[], Any]) -> Any:
    try:
        return load()
    except (yaml.YAMLError, *_MISFITS) as error:
        raise InputError(f"not valid YAML: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"{problem} (line {mark.line + 1})" if mark else str(problem)

"""Labelled examples of what readers write: those shipped, and those of a platform team."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import get_args

import yaml

from portal_rag.domain import Intent
from portal_rag.errors import ConfigurationError
from portal_rag.understanding.masking import placed

INTENTS: tuple[Intent, ...] = get_args(Intent)
MOST_EXAMPLES = 3_000
"""Fitting takes time that grows with the third power: a few seconds for as many."""
LONGEST_EXAMPLE = 400
_NAME = re.compile(r"<([^<>]+)>")
_TEXT = "tag:yaml.org,2002:str"
_FORM = "must be a mapping of intents to lists of questions, such as `ownership: [who owns <x>?]`"


@dataclass(frozen=True, slots=True)
class Example:
    """A question with names in angle brackets, and what it wants."""

    text: str
    intent: Intent

    @property
    def masked(self) -> str:
        """Give the question with a placeholder for each name."""
        return _NAME.sub(lambda found: placed(found[1]), self.text)

    @property
    def plain(self) -> str:
        """Give the question as a reader would write it."""
        return _NAME.sub(r"\1", self.text)


class _WrongError(Exception):
    """What is wrong with a file, and where."""

    def __init__(self, what: str, node: yaml.Node | None = None) -> None:
        super().__init__(f"line {node.start_mark.line + 1}: {what}" if node else what)


def shipped_examples() -> tuple[Example, ...]:
    """Read the examples that come with the program."""
    folder = resources.files("portal_rag.understanding")
    return tuple(_examples(folder.joinpath("examples.yaml").read_text("utf-8")))


def load_examples(path: Path, *, setting: str) -> tuple[Example, ...]:
    """Read the shipped examples and those of a file, which win where both have the same question.

    Raises:
        ConfigurationError: the file cannot be read or something in it is wrong; line and intent
            are named, and `setting`, which named the file.
    """
    try:
        own = tuple(_examples(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _unusable(setting, path, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(setting, path, f"is not YAML{_where(error)}") from error
    except _WrongError as error:
        raise _unusable(setting, path, str(error)) from error
    return _together(shipped_examples(), own)


def _together(*sets: Iterable[Example]) -> tuple[Example, ...]:
    by_text = {each.masked.lower(): each for examples in sets for each in examples}
    return tuple(by_text.values())


def _unusable(setting: str, path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(f"{setting}: {path}: {problem} (README, What a question wants)")


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1})" if mark else ""


def _examples(text: str) -> Iterator[Example]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or not root.value:
        raise _WrongError(_FORM, root)
    count = 0
    for key, questions in root.value:
        intent = _intent(key)
        if not isinstance(questions, yaml.SequenceNode):
            raise _WrongError(f"{intent} must be a list of questions", questions)
        for question in questions.value:
            yield Example(_question(intent, question), intent)
            count += 1
            if count > MOST_EXAMPLES:
                raise _WrongError(f"there are more than {MOST_EXAMPLES} examples", question)


def _intent(key: yaml.Node) -> Intent:
    found = next((intent for intent in INTENTS if key.value == intent), None)
    if found:
        return found
    near = difflib.get_close_matches(str(key.value), INTENTS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"intents are {', '.join(INTENTS)}"
    raise _WrongError(f"{str(key.value)[:40]!r} is not an intent; {hint}", key)


def _question(intent: Intent, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT:
        raise _WrongError(f"an example of {intent} must be text; put it in quotes", node)
    text = " ".join(node.value.split())
    if not text or len(text) > LONGEST_EXAMPLE:
        raise _WrongError(f"an example of {intent} must have 1 to {LONGEST_EXAMPLE} letters", node)
    if _NAME.sub("", text).count("<"):
        raise _WrongError(f"an example of {intent} has a `<` without its `>`", node)
    return text

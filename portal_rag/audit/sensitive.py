"""Which questions are marked as sensitive, by their words and by the documents they were told."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from portal_rag.corpus.documents import DocumentKind
from portal_rag.errors import ConfigurationError
from portal_rag.explaining import file_problems

LONGEST_TEXT = 4000
"""Characters of a question that are searched: as many as one may have."""
_WHOLE = "a mapping with `patterns:` or `documentKinds:`"
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """Named patterns that a question may match, and kinds of documents that it may be told."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    document_kinds: frozenset[DocumentKind]

    def marks(self, text: str, told: Iterable[DocumentKind]) -> list[str]:
        """Name the patterns that match, and as `kind:…` the kinds among those told."""
        searched = text[:LONGEST_TEXT]
        matched = [name for name, pattern in self.patterns if pattern.search(searched)]
        return [
            *matched,
            *sorted(f"kind:{kind}" for kind in self.document_kinds.intersection(told)),
        ]


class _File(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, hide_input_in_errors=True
    )

    patterns: dict[_Name, str] = Field(default_factory=dict)
    document_kinds: list[DocumentKind] = Field(default_factory=list)


def load_sensitive(path: Path, *, setting: str) -> Sensitive:
    """Read patterns and kinds from a YAML file, which replace the shipped ones altogether.

    Raises:
        ConfigurationError: it cannot be read, or something in it is wrong; that is named.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if content is None:
            raise _wrong(setting, path, "is empty; `patterns: {}` says that nothing is sensitive")
        file = _File.model_validate(content)
    except OSError as error:
        raise _wrong(setting, path, f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(setting, path, "is not YAML") from error
    except ValidationError as error:
        problems = file_problems(error, models=(_File,), whole=_WHOLE)
        raise _wrong(setting, path, problems) from error
    return Sensitive(
        patterns=tuple(
            (name, _compiled(name, text, setting, path)) for name, text in file.patterns.items()
        ),
        document_kinds=frozenset(file.document_kinds),
    )


def _compiled(name: str, text: str, setting: str, path: Path) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        problem = f"patterns.{name} is not a regular expression: {error}"
        raise _wrong(setting, path, problem) from error


def _wrong(setting: str, path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(f"{setting}: {path}: {problem} (README, Audit log)")


_SHIPPED: Mapping[str, str] = {
    "credentials": (
        r"\b(?:passwords?|passphrases?|credentials?|secrets?"
        r"|(?:private|api|access|signing|encryption)[ _-]?keys?"
        r"|(?:access|api|bearer|auth|service)[ _-]?tokens?)\b"
    ),
    "personal-data": (
        r"\b(?:personal data|pii|gdpr|dates? of birth|birth ?dates?|social security|passports?"
        r"|home address(?:es)?|salar(?:y|ies)|payroll|health records?|bank accounts?"
        r"|credit ?cards?|ibans?)\b"
    ),
    "security": (
        r"\b(?:vulnerabilit(?:y|ies)|vulnerable|exploits?|cve-\d{4}-\d+|breach(?:es|ed)?"
        r"|data leaks?|security (?:incidents?|holes?)|ransomware|malware|pen(?:etration)? ?tests?"
        r"|back ?doors?)\b"
    ),
}
SHIPPED = Sensitive(
    patterns=tuple((name, re.compile(text, re.IGNORECASE)) for name, text in _SHIPPED.items()),
    document_kinds=frozenset({"incident"}),
)
"""What is sensitive where no file says otherwise."""

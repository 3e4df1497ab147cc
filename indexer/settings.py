"""The indexer's settings: those it shares with the service, and its own (`PORTAL_INDEX_…`)."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PositiveFloat, SecretStr

from portal_rag.corpus.precision import Precision
from portal_rag.corpus.settings import (
    SHARED_PREFIX,
    CorpusSettings,
    HttpUrl,
    read_settings,
    refuse_near_misses,
    refuse_unknown,
    variable_names,
)

OWN_PREFIX = "PORTAL_INDEX_"
SHORTEST_HINTS_TOKEN = 16
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST:PORT`, such as 127.0.0.1:8009 or [::1]:8009.

        Raises:
            ValueError: it is something else.
        """
        try:
            parts = urlsplit(f"//{text.strip()}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port is None or parts.netloc != text.strip() or "@" in text:
            raise ValueError("must be HOST:PORT, for example 127.0.0.1:8009")
        return cls(host=host, port=port)


def _by_commas(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _check_hints_token(secret: SecretStr) -> SecretStr:
    tokens = _by_commas(secret.get_secret_value())
    if not all(len(each) >= SHORTEST_HINTS_TOKEN and _TOKEN.fullmatch(each) for each in tokens):
        raise ValueError(f"each token must have at least {SHORTEST_HINTS_TOKEN} ASCII characters")
    return secret


class IndexerSettings(CorpusSettings):
    """What a run needs besides its command line; the README's table says what each means."""

    backstage_url: HttpUrl | None = None
    backstage_token: SecretStr | None = Field(
        default=None, validation_alias="PORTAL_INDEX_BACKSTAGE_TOKEN"
    )
    backstage_timeout_seconds: PositiveFloat = Field(
        default=30.0, validation_alias="PORTAL_INDEX_BACKSTAGE_TIMEOUT_SECONDS"
    )
    mass_delete_share: float = Field(
        default=0.2, gt=0, le=1, validation_alias="PORTAL_INDEX_MASS_DELETE_SHARE"
    )
    files_path: Path | None = Field(default=None, validation_alias="PORTAL_INDEX_FILES_PATH")
    precision: Precision = Field(default="auto", validation_alias="PORTAL_INDEX_PRECISION")
    processes: int = Field(default=1, ge=1, le=64, validation_alias="PORTAL_INDEX_PROCESSES")
    event_topics: str | None = Field(default=None, validation_alias="PORTAL_INDEX_EVENT_TOPICS")
    event_subscription: str = Field(
        default="index",
        pattern=r"^[A-Za-z0-9_.-]{1,60}$",
        validation_alias="PORTAL_INDEX_EVENT_SUBSCRIPTION",
    )
    hints_address: Annotated[Address, BeforeValidator(Address.parse)] | None = Field(
        default=None, validation_alias="PORTAL_INDEX_HINTS_ADDRESS"
    )
    hints_token: Annotated[SecretStr, AfterValidator(_check_hints_token)] | None = Field(
        default=None, validation_alias="PORTAL_INDEX_HINTS_TOKEN"
    )
    hints_pause_seconds: PositiveFloat = Field(
        default=5.0, validation_alias="PORTAL_INDEX_HINTS_PAUSE_SECONDS"
    )

    @property
    def topics_heard(self) -> tuple[str, ...]:
        """The topics of the event bus; none means that it is not listened to."""
        return _by_commas(self.event_topics or "")

    @property
    def hints_tokens(self) -> tuple[str, ...]:
        """Each of which is accepted."""
        return _by_commas(self.hints_token.get_secret_value()) if self.hints_token else ()


def load_indexer_settings(environ: Mapping[str, str] = os.environ) -> IndexerSettings:
    """Read and check the settings.

    The service's own settings may be set as well, so an unknown `PORTAL_RAG_` name is refused
    only where it is nearly one that the two programs share.

    Raises:
        ConfigurationError: a name is misspelt or a value is wrong.
    """
    names = variable_names(IndexerSettings)
    refuse_unknown(environ, prefix=OWN_PREFIX, known=names)
    refuse_near_misses(environ, prefix=SHARED_PREFIX, known=names)
    return read_settings(IndexerSettings, environ)

"""The indexer's settings: those it shares with the service, and its own (`PORTAL_INDEX_…`)."""

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, PositiveFloat, SecretStr

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
    readmes: bool = Field(default=False, validation_alias="PORTAL_INDEX_READMES")
    markdown: str = Field(default="", validation_alias="PORTAL_INDEX_MARKDOWN")
    precision: Precision = Field(default="auto", validation_alias="PORTAL_INDEX_PRECISION")


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

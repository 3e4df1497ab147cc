"""The service's settings, all from environment variables that begin with `PORTAL_RAG_`."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, SecretStr

from portal_rag.backstage.document_permissions import DocumentPermissions
from portal_rag.corpus.freshness import Freshness
from portal_rag.corpus.settings import SHARED_PREFIX, CorpusSettings, HttpUrl, load_settings
from portal_rag.errors import ConfigurationError

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_OIDC = ("auth_config", "jwt_issuer", "jwt_audience", "jwt_jwks_url", "authz_url")


def _check_provider_url(value: str) -> str:
    if "@" in urlsplit(value).netloc or "#" in value:
        raise ValueError("must be a URL without credentials and fragment")
    return value


ProviderUrl = Annotated[HttpUrl, AfterValidator(_check_provider_url)]
"""An HttpUrl that brings no credentials of its own."""


def _check_audit_log(value: str) -> str:
    if value not in ("off", "stdout") and not {"/", "."} & set(value):
        raise ValueError("must be `off`, `stdout` or the path of a file, such as ./audit.jsonl")
    return value


AuditLog = Annotated[str, AfterValidator(_check_audit_log)]
"""Where audit lines go; a bare word is taken for a mistake, not for a file."""


def _check_calibration_file(value: str) -> str:
    if value != "off" and not {"/", "."} & set(value):
        raise ValueError("must be `off` or the path of a file, such as ./calibration.json")
    return value


CalibrationFile = Annotated[str, AfterValidator(_check_calibration_file)]
"""As for the audit log, a bare word is taken for a mistake."""


def _check_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        if value != "UTC":
            raise ValueError(
                "must be a time zone of the IANA database that this machine has, such as"
                " Europe/Berlin"
            ) from error
    return value


TimeZone = Annotated[str, AfterValidator(_check_timezone)]
"""The name of a time zone; `UTC` needs no database."""


class ServiceSettings(CorpusSettings):
    """Everything that can be set; the README's table says what each means."""

    auth: Literal["backstage", "oidc", "none"] = "backstage"
    auth_config: Path | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_jwks_url: ProviderUrl | None = None
    authz_url: ProviderUrl | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8007, ge=0, le=65535)
    backstage_url: HttpUrl | None = None
    identity: Literal["forward", "plugin"] = "forward"
    plugin_key_file: Path | None = None
    plugin_key: SecretStr | None = None
    plugin_public_keys: Path | None = None
    permission_enabled: bool = True
    document_permissions: str = ""
    ask_permission: bool = False
    authz_timeout_seconds: PositiveFloat = 30.0
    allowed_callers: str = "mcp-actions"
    machine_clients_file: Path | None = None
    catalog_timeout_seconds: PositiveFloat = 2.0
    source_timeout_seconds: PositiveFloat = 3.0
    question_timeout_seconds: PositiveFloat = 5.0
    search: bool = True
    stale_after_days: PositiveInt = 365
    stale_after_days_by_kind: str = ""
    calibration_file: CalibrationFile | None = None
    timezone: TimeZone = "UTC"
    intent_examples: Path | None = None
    rerank_model: Path | None = None
    audit_log: AuditLog = "off"
    audit_user: Literal["ref", "hashed"] = "ref"
    audit_user_key: SecretStr | None = Field(default=None, min_length=16)
    audit_questions: bool = False
    sensitive_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = True
    service_url: HttpUrl | None = None
    token: SecretStr | None = None


def load_service_settings(environ: Mapping[str, str] = os.environ) -> ServiceSettings:
    """Read and check the settings.

    Raises:
        ConfigurationError: a name is unknown, or a value is missing, wrong or contradicts another.
    """
    settings = load_settings(ServiceSettings, environ)
    Freshness.parse(settings.stale_after_days, settings.stale_after_days_by_kind)
    _check_audit(settings)
    if settings.auth == "oidc":
        _check_oidc(settings)
        return settings
    _refuse_oidc_settings(settings)
    if settings.auth == "none":
        _check_unauthenticated(settings)
    elif not settings.backstage_url:
        raise ConfigurationError(
            "PORTAL_RAG_BACKSTAGE_URL is not set; it must be the base URL of the Backstage backend,"
            " for example http://127.0.0.1:7007 (README, Settings)."
            " To try the service on files without Backstage, set PORTAL_RAG_AUTH=none."
        )
    else:
        _check_permissions(settings)
    return settings


def load_asking_settings(environ: Mapping[str, str] = os.environ) -> ServiceSettings:
    """Read the settings for asking: by a running service, or in-process without authentication.

    Asking in-process is not audited: whoever does it reads the index's files anyway.

    Raises:
        ConfigurationError: a name is unknown or a value is wrong.
    """
    settings = load_settings(ServiceSettings, environ)
    return settings.model_copy(update={"auth": "none", "audit_log": "off"})


def _check_unauthenticated(settings: ServiceSettings) -> None:
    if settings.host not in LOOPBACK:
        raise ConfigurationError(
            f"PORTAL_RAG_AUTH=none answers anybody who can connect, so PORTAL_RAG_HOST must be a"
            f" loopback address, not {settings.host!r} (README, Settings)."
        )
    if settings.qdrant_url:
        raise ConfigurationError(
            "PORTAL_RAG_AUTH=none reads only an embedded index that was built from files; unset"
            " PORTAL_RAG_QDRANT_URL, or use PORTAL_RAG_AUTH=backstage (README, Settings)."
        )
    _refuse_policy_settings(settings)


def _check_audit(settings: ServiceSettings) -> None:
    if settings.audit_user == "hashed" and not settings.audit_user_key:
        raise ConfigurationError(
            "PORTAL_RAG_AUDIT_USER=hashed needs PORTAL_RAG_AUDIT_USER_KEY, at least 16 characters:"
            " without a key, whoever knows the users could undo it (README, Settings)."
        )


def _check_oidc(settings: ServiceSettings) -> None:
    for field in _OIDC:
        if getattr(settings, field) is None:
            raise ConfigurationError(
                f"{_variable(field)} is not set; PORTAL_RAG_AUTH=oidc needs it (README, Settings)."
            )
    if settings.authz_url and "?" in settings.authz_url:
        raise ConfigurationError(
            "PORTAL_RAG_AUTHZ_URL must be a base URL, without a query (README, Settings)."
        )
    _refuse_policy_settings(settings)


def _refuse_policy_settings(settings: ServiceSettings) -> None:
    """As below, of the policy of a Backstage that nobody asks."""
    if settings.identity == "plugin" or settings.ask_permission or settings.document_permissions:
        raise ConfigurationError(
            f"PORTAL_RAG_AUTH={settings.auth} does not act at Backstage and asks no policy of it;"
            " unset PORTAL_RAG_IDENTITY, PORTAL_RAG_ASK_PERMISSION and"
            " PORTAL_RAG_DOCUMENT_PERMISSIONS (README, Settings)."
        )


def _refuse_oidc_settings(settings: ServiceSettings) -> None:
    """Let nobody believe that a policy is asked which is not."""
    for field in _OIDC:
        if getattr(settings, field) is not None:
            raise ConfigurationError(
                f"{_variable(field)} is only heeded with PORTAL_RAG_AUTH=oidc; unset it"
                " (README, Settings)."
            )


def _variable(field: str) -> str:
    return SHARED_PREFIX + field.upper()


def _check_permissions(settings: ServiceSettings) -> None:
    DocumentPermissions.parse(settings.document_permissions)
    if settings.identity == "plugin" and (not settings.plugin_key) == (
        not settings.plugin_key_file
    ):
        raise ConfigurationError(
            "PORTAL_RAG_IDENTITY=plugin needs either PORTAL_RAG_PLUGIN_KEY_FILE, which `portal-rag"
            " keys create` writes, or PORTAL_RAG_PLUGIN_KEY (README, Settings)."
        )
    if settings.ask_permission and not settings.permission_enabled:
        raise ConfigurationError(
            "PORTAL_RAG_ASK_PERMISSION=true asks the portal's permission policy, which"
            " PORTAL_RAG_PERMISSION_ENABLED=false says is off (README, Settings)."
        )

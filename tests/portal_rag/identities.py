"""Settings of a service in either identity, against a portal that knows its key beforehand."""

from datetime import UTC, datetime

from portal_rag.backstage.plugin_keys import create_key, format_keys
from tests.fakes.backstage import FakeBackstage
from tests.fakes.backstage_tokens import SigningKey

IDENTITIES = ("forward", "plugin")
_KEY = create_key(datetime(2026, 1, 1, tzinfo=UTC))


def as_identity(identity: str, portal: FakeBackstage, **more: str) -> dict[str, str]:
    """Name the settings; the portal takes tokens of this service without asking it for keys."""
    environ = {"PORTAL_RAG_BACKSTAGE_URL": portal.url, "PORTAL_RAG_IDENTITY": identity, **more}
    if identity == "plugin":
        known = SigningKey(_KEY.kid)
        known.private = _KEY.private
        portal.tokens.plugin_keys["portal-rag"] = [known]
        environ["PORTAL_RAG_PLUGIN_KEY"] = format_keys([_KEY])
    return environ

"""The service where another identity provider than Backstage says who asks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from portal_rag.app import create_app
from portal_rag.domain import Clock
from portal_rag.services import open_services
from portal_rag.settings import load_service_settings
from tests.backstage.ticking import Ticking
from tests.fakes.identity_provider import AUDIENCE, ISSUER, FakeIdentityProvider
from tests.portal_rag.world import QUESTIONS

CONFIG = Path(__file__).parents[2] / "deploy" / "auth" / "auth-config.yaml"
NOW = Ticking().now


def environ_of(provider: FakeIdentityProvider, **more: str) -> dict[str, str]:
    return {
        "PORTAL_RAG_AUTH": "oidc",
        "PORTAL_RAG_AUTH_CONFIG": str(CONFIG),
        "PORTAL_RAG_JWT_ISSUER": ISSUER,
        "PORTAL_RAG_JWT_AUDIENCE": AUDIENCE,
        "PORTAL_RAG_JWT_JWKS_URL": provider.jwks_url,
        "PORTAL_RAG_AUTHZ_URL": provider.url,
        **more,
    }


@contextmanager
def serving_oidc(
    provider: FakeIdentityProvider, clock: Clock = NOW, **more: str
) -> Iterator[TestClient]:
    settings = load_service_settings(environ_of(provider, **more))

    def refuse(_: str) -> Any:
        raise AssertionError("no model is needed")

    app = create_app(lambda: open_services(settings, load=refuse, clock=clock))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def post(
    client: TestClient, token: str | None, question: str = "Who owns shop?", **more: Any
) -> Any:
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    content = json.dumps({"question": question, **more})
    return client.post(QUESTIONS, content=content, headers=headers)

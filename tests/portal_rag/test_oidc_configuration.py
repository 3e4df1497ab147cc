"""Another identity provider, as whoever runs the service meets it: settings, start and doctor."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from portal_rag.errors import ConfigurationError
from portal_rag.services import open_services
from portal_rag.services.identity_provider import open_provider_askers
from portal_rag.settings import ServiceSettings, load_service_settings
from tests.fakes.identity_provider import EVALUATES, JWKS, FakeIdentityProvider, ProviderKey
from tests.fakes.loopback import Fault
from tests.portal_rag.oidc import NOW, environ_of
from tests.portal_rag.test_command_line import run

NEEDED = ("AUTH_CONFIG", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_URL", "AUTHZ_URL")
BACKSTAGE = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:7007"}


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider() as provider:
        yield provider


@pytest.fixture(autouse=True)
def unspoilt(provider: FakeIdentityProvider) -> Iterator[None]:
    provider.requests.clear()
    yield
    provider.mend()
    provider.keys = [ProviderKey("rsa-1")]


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_nothing_may_be_left_out(
    provider: FakeIdentityProvider, name: str, value: str | None
) -> None:
    environ = environ_of(provider)
    del environ[f"PORTAL_RAG_{name}"]
    given = {} if value is None else {f"PORTAL_RAG_{name}": value}
    with pytest.raises(ConfigurationError) as caught:
        load_service_settings(environ | given)
    assert f"PORTAL_RAG_{name} is not set" in caught.value.message
    assert "README" in caught.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_JWKS_URL", "login.example"),
        ("JWT_JWKS_URL", "file:///etc/keys.json"),
        ("JWT_JWKS_URL", "https://user:s3cret@login.example/jwks"),
        ("JWT_JWKS_URL", "https://login.example/jwks#x"),
        ("AUTHZ_URL", "https://user:s3cret@api.example"),
        ("AUTHZ_URL", "https://api.example/?tenant=s3cret"),
        ("IDENTITY", "plugin"),
        ("ASK_PERMISSION", "true"),
        ("DOCUMENT_PERMISSIONS", "techdocs=techdocs.entity.read"),
    ],
)
def test_a_setting_that_is_wrong_here_is_named(
    provider: FakeIdentityProvider, name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_service_settings(environ_of(provider, **{f"PORTAL_RAG_{name}": value}))
    assert f"PORTAL_RAG_{name}" in caught.value.message
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("others", [BACKSTAGE, {"PORTAL_RAG_AUTH": "none"}])
@pytest.mark.parametrize("name", NEEDED)
def test_a_setting_that_would_not_be_heeded_is_refused(
    provider: FakeIdentityProvider, others: dict[str, str], name: str
) -> None:
    setting = f"PORTAL_RAG_{name}"
    with pytest.raises(ConfigurationError) as caught:
        load_service_settings({**others, setting: environ_of(provider)[setting]})
    assert f"{setting} is only heeded with PORTAL_RAG_AUTH=oidc" in caught.value.message


def test_it_may_listen_anywhere_and_needs_no_backstage(provider: FakeIdentityProvider) -> None:
    settings = load_service_settings(environ_of(provider, PORTAL_RAG_HOST="192.0.2.1"))
    assert (settings.auth, settings.backstage_url) == ("oidc", None)


@pytest.mark.parametrize("name", NEEDED)
async def test_settings_that_were_never_checked_open_nothing(
    provider: FakeIdentityProvider, name: str
) -> None:
    settings = load_service_settings(environ_of(provider)).model_copy(update={name.lower(): None})
    with pytest.raises(ConfigurationError) as caught:
        async with open_provider_askers(settings, NOW):
            pass
    assert name in caught.value.message


async def test_a_file_that_is_missing_ends_the_start(
    provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    missing = str(tmp_path / "auth-config.yaml")
    environ = environ_of(provider, PORTAL_RAG_AUTH_CONFIG=missing)
    shown = run("serve", **environ)
    assert shown.exit_code == 2
    assert "PORTAL_RAG_AUTH_CONFIG" in shown.output
    with pytest.raises(ConfigurationError):
        async with open_services(load_service_settings(environ)):
            pass


async def test_what_goes_unencrypted_to_another_machine_is_warned_of(
    provider: FakeIdentityProvider,
) -> None:
    urls = {
        "PORTAL_RAG_JWT_JWKS_URL": "http://login.example/jwks",
        "PORTAL_RAG_AUTHZ_URL": "http://api.example",
    }
    assert await warned_of(load_service_settings(environ_of(provider))) == []
    assert await warned_of(load_service_settings(environ_of(provider, **urls))) == list(urls)


async def warned_of(settings: ServiceSettings) -> list[str]:
    with structlog.testing.capture_logs() as logs:
        async with open_provider_askers(settings, NOW):
            return [line["setting"] for line in logs if line["event"] == "unencrypted"]


def test_the_doctor_is_content_with_a_provider_alone(provider: FakeIdentityProvider) -> None:
    shown = run("doctor", **environ_of(provider))
    assert shown.exit_code == 0, shown.output
    for line in (
        "user by groups, service_account by sub; asking needs portal-assistant:invoke",
        "serves 1 usable key\n",
        f"{provider.url} answers\n",
        "ok   machines: 0 machine clients known",
        "ok   recording: audit log off",
    ):
        assert line in shown.output
    for name in ("model", "index", "backstage"):
        assert f"ok   {name}" not in shown.output
    assert [request.token for request in provider.requests] == [None, None]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (Fault(JWKS, status=404), "FAIL identity provider: {jwks} answered 404"),
        (Fault(JWKS, body=b"<html>"), "FAIL identity provider: {jwks} the answer is not JSON"),
        (Fault(EVALUATES, drops=True), "FAIL authorization: {authz} cannot be reached: "),
        (Fault(EVALUATES, status=404), "FAIL authorization: {authz} answered 404"),
        (Fault(EVALUATES, status=302), "FAIL authorization: {authz} answered 302"),
        (Fault(EVALUATES, status=503), "FAIL authorization: {authz} answered 503"),
    ],
)
def test_the_doctor_says_what_does_not_answer(
    provider: FakeIdentityProvider, fault: Fault, named: str
) -> None:
    provider.fail(fault)
    shown = run("doctor", **environ_of(provider))
    assert shown.exit_code == 1
    assert named.format(jwks=provider.jwks_url, authz=provider.url) in shown.output


@pytest.mark.parametrize("status", [200, 400, 401, 403, 405])
def test_the_doctor_takes_a_refusal_for_an_authorization_service(
    provider: FakeIdentityProvider, status: int
) -> None:
    provider.fail(Fault(EVALUATES, status=status))
    shown = run("doctor", **environ_of(provider))
    assert f"ok   authorization: {provider.url} answers\n" in shown.output


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("MACHINE_CLIENTS_FILE", "FAIL machines: PORTAL_RAG_MACHINE_CLIENTS_FILE"),
        ("AUDIT_LOG", "FAIL recording: PORTAL_RAG_AUDIT_LOG"),
        ("SENSITIVE_FILE", "FAIL recording: PORTAL_RAG_SENSITIVE_FILE"),
    ],
)
def test_the_doctor_looks_at_the_files_that_the_service_needs(
    provider: FakeIdentityProvider, tmp_path: Path, name: str, place: str
) -> None:
    missing = {f"PORTAL_RAG_{name}": str(tmp_path / "none" / "file")}
    shown = run("doctor", **environ_of(provider, **missing))
    assert shown.exit_code == 1
    assert place in shown.output


def test_the_doctor_leaves_no_audit_log_behind(
    provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    log = tmp_path / "audit.jsonl"
    shown = run("doctor", **environ_of(provider, PORTAL_RAG_AUDIT_LOG=str(log)))
    assert f"audit log {log}" in shown.output
    assert not log.exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:1", "connection refused"),
        ("http://no-such-host.invalid", "its host name is not found"),
    ],
)
def test_the_doctor_says_why_nobody_answers(
    provider: FakeIdentityProvider, url: str, why: str
) -> None:
    urls = {"PORTAL_RAG_JWT_JWKS_URL": f"{url}/jwks", "PORTAL_RAG_AUTHZ_URL": url}
    shown = run("doctor", **environ_of(provider, **urls))
    assert f"FAIL identity provider: {url}/jwks cannot be reached: {why}" in shown.output
    assert f"FAIL authorization: {url} cannot be reached: {why}" in shown.output


def test_the_doctor_finds_keys_that_are_of_no_use(
    provider: FakeIdentityProvider, tmp_path: Path
) -> None:
    provider.keys = [ProviderKey("new", "PS256")]
    config = tmp_path / "auth-config.yaml"
    config.write_text("auth: {}")
    shown = run("doctor", **environ_of(provider, PORTAL_RAG_AUTH_CONFIG=str(config)))
    assert shown.exit_code == 1
    assert "FAIL auth config" in shown.output
    assert "auth.subject_types" in shown.output
    assert "none of its keys" in shown.output

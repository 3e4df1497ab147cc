import pytest

from portal_rag.errors import ConfigurationError
from portal_rag.settings import load_asking_settings, load_service_settings

BACKSTAGE = {"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:7007"}


def test_the_defaults_are_safe() -> None:
    settings = load_service_settings(BACKSTAGE)
    assert (settings.auth, settings.host, settings.port) == ("backstage", "127.0.0.1", 8007)
    assert settings.permission_enabled
    assert settings.timezone == "UTC"


def test_days_may_be_those_of_a_time_zone() -> None:
    settings = load_service_settings({**BACKSTAGE, "PORTAL_RAG_TIMEZONE": "Europe/Berlin"})
    assert settings.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "PORTAL_RAG_BACKSTAGE_URL"),
        ({**BACKSTAGE, "PORTAL_RAG_PROT": "8007"}, "PORTAL_RAG_PORT"),
        ({**BACKSTAGE, "PORTAL_RAG_PORT": "eighty"}, "PORTAL_RAG_PORT"),
        ({**BACKSTAGE, "PORTAL_RAG_AUTH": "guess"}, "PORTAL_RAG_AUTH"),
        ({**BACKSTAGE, "PORTAL_RAG_IDENTITY": "service"}, "PORTAL_RAG_IDENTITY"),
        ({**BACKSTAGE, "PORTAL_RAG_TIMEZONE": "Mars/Olympus"}, "PORTAL_RAG_TIMEZONE"),
        ({**BACKSTAGE, "PORTAL_RAG_TIMEZONE": "Europe"}, "PORTAL_RAG_TIMEZONE"),
        ({**BACKSTAGE, "PORTAL_RAG_TIMEZONE": "../etc/passwd"}, "PORTAL_RAG_TIMEZONE"),
        ({**BACKSTAGE, "PORTAL_RAG_IDENTITY": "plugin"}, "PORTAL_RAG_PLUGIN_KEY_FILE"),
        (
            {
                **BACKSTAGE,
                "PORTAL_RAG_IDENTITY": "plugin",
                "PORTAL_RAG_PLUGIN_KEY": "x",
                "PORTAL_RAG_PLUGIN_KEY_FILE": "x",
            },
            "PORTAL_RAG_PLUGIN_KEY_FILE",
        ),
        (
            {
                **BACKSTAGE,
                "PORTAL_RAG_ASK_PERMISSION": "true",
                "PORTAL_RAG_PERMISSION_ENABLED": "false",
            },
            "PORTAL_RAG_ASK_PERMISSION",
        ),
        ({**BACKSTAGE, "PORTAL_RAG_AUDIT_LOG": "stderr"}, "PORTAL_RAG_AUDIT_LOG"),
        ({**BACKSTAGE, "PORTAL_RAG_AUDIT_USER": "nobody"}, "PORTAL_RAG_AUDIT_USER"),
        ({**BACKSTAGE, "PORTAL_RAG_AUDIT_USER": "hashed"}, "PORTAL_RAG_AUDIT_USER_KEY"),
        ({**BACKSTAGE, "PORTAL_RAG_AUDIT_USER_KEY": "short"}, "PORTAL_RAG_AUDIT_USER_KEY"),
        (
            {**BACKSTAGE, "PORTAL_RAG_DOCUMENT_PERMISSIONS": "docs=docs.read"},
            "PORTAL_RAG_DOCUMENT_PERMISSIONS",
        ),
        ({"PORTAL_RAG_BACKSTAGE_URL": "portal"}, "PORTAL_RAG_BACKSTAGE_URL"),
        ({"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_HOST": "192.0.2.1"}, "PORTAL_RAG_HOST"),
        (
            {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_QDRANT_URL": "http://127.0.0.1:6333"},
            "PORTAL_RAG_QDRANT_URL",
        ),
        *(
            ({"PORTAL_RAG_AUTH": "none", f"PORTAL_RAG_{name}": value}, f"PORTAL_RAG_{name}")
            for name, value in (
                ("ASK_PERMISSION", "true"),
                ("IDENTITY", "plugin"),
                ("DOCUMENT_PERMISSIONS", "techdocs=techdocs.entity.read"),
            )
        ),
    ],
)
def test_a_wrong_setting_is_named_with_where_to_read_about_it(
    environ: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_service_settings(environ)
    assert named in caught.value.message
    assert "README" in caught.value.message


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AUDIT_USER_KEY", "short", "must have at least 16 characters"),
        ("ASK_PERMISSION", "maybe", "must be true or false"),
        ("PORT", "eighty", "must be a whole number"),
        ("PORT", "70000", "must be at most 65535"),
        ("AUTH", "guess", "must be 'backstage', 'oidc' or 'none'"),
        ("STALE_AFTER_DAYS", "0", "must be greater than 0"),
        ("DOCUMENT_PERMISSIONS", "techdocs", "techdocs is given no permission"),
    ],
)
def test_a_wrong_setting_says_what_it_must_be(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_service_settings({**BACKSTAGE, f"PORTAL_RAG_{name}": value})
    assert caught.value.message.startswith(f"PORTAL_RAG_{name}: {said}")


def test_a_secret_never_stands_in_an_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_service_settings({"PORTAL_RAG_TOKEN": "s3cret", "PORTAL_RAG_PORT": "x"})
    assert "s3cret" not in caught.value.message


def test_asking_needs_no_backstage() -> None:
    assert load_asking_settings({}).auth == "none"


def test_asking_in_process_is_not_audited() -> None:
    assert load_asking_settings({"PORTAL_RAG_AUDIT_LOG": "stdout"}).audit_log == "off"


def test_asking_by_a_service_ignores_where_it_listens() -> None:
    assert load_asking_settings({"PORTAL_RAG_HOST": "192.0.2.1"}).auth == "none"

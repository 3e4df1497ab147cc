from pathlib import Path

import pytest

from portal_rag.audit.sensitive import LONGEST_TEXT, SHIPPED, load_sensitive
from portal_rag.errors import ConfigurationError

SETTING = "PORTAL_RAG_SENSITIVE_FILE"


def written(directory: Path, text: str) -> Path:
    path = directory / "sensitive.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("question", "marks"),
    [
        ("Where is the API key of payments kept?", ["credentials"]),
        ("Which PASSWORD does the broker take?", ["credentials"]),
        ("Who knows the salaries in team-web?", ["personal-data"]),
        ("Is shop affected by CVE-2021-44228?", ["security"]),
        ("Did the data leak show credit cards?", ["personal-data", "security"]),
        ("Who owns shop?", []),
        ("How do I restart the tokenizer?", []),
    ],
)
def test_what_is_sensitive_unless_a_file_says_otherwise(question: str, marks: list[str]) -> None:
    assert SHIPPED.marks(question, ()) == marks


def test_a_cited_incident_is_sensitive_unless_a_file_says_otherwise() -> None:
    assert SHIPPED.marks("What happened?", ["guide", "incident"]) == ["kind:incident"]


def test_a_file_replaces_patterns_and_kinds_whatever_the_case(tmp_path: Path) -> None:
    path = written(tmp_path, "patterns: {mergers: 'acqui\\w+'}\ndocumentKinds: [adr, runbook]\n")
    sensitive = load_sensitive(path, setting=SETTING)
    assert sensitive.marks("Whom do we ACQUIRE?", ["runbook", "adr", "incident"]) == [
        "mergers",
        "kind:adr",
        "kind:runbook",
    ]
    assert sensitive.marks("Which password?", []) == []


def test_a_file_may_say_that_nothing_is_sensitive(tmp_path: Path) -> None:
    sensitive = load_sensitive(written(tmp_path, "patterns: {}"), setting=SETTING)
    assert sensitive.marks("Which password?", ["incident"]) == []


@pytest.mark.parametrize("text", ["", "# patterns:\n#   mergers: merger\n"])
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{SETTING}: .* is empty") as caught:
        load_sensitive(written(tmp_path, text), setting=SETTING)
    assert "patterns: {}" in caught.value.message


def test_no_more_is_searched_than_a_question_may_have() -> None:
    assert SHIPPED.marks("x " * (LONGEST_TEXT // 2) + "password", ()) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("patterns: {broken: '('}", "patterns.broken"),
        ("patterns: {broken: 'x{99999999999999}'}", "patterns.broken"),
        ("patterns: {number: 5}", "patterns.number"),
        ("patterns: {'kind:incident': x}", "patterns.kind:incident"),
        ("patterns: [x]", "patterns"),
        ("documentKinds: [postmortem]", "documentKinds.0"),
        ("pattern: {}", "pattern"),
        ("[]", "file"),
        ("a: b: c", "YAML"),
        ("[" * 5000, "YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_sensitive(path, setting=SETTING)
    for part in (SETTING, str(path), named):
        assert part in caught.value.message


def test_a_misspelt_field_is_told_what_was_meant(tmp_path: Path) -> None:
    path = written(tmp_path, "documentkinds: [adr]\nhouse: 1\n")
    with pytest.raises(ConfigurationError) as caught:
        load_sensitive(path, setting=SETTING)
    assert "documentkinds is not known; did you mean documentKinds?" in caught.value.message
    assert "house is not known" in caught.value.message


def test_a_file_that_is_no_mapping_is_told_what_it_must_be(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the file must be a mapping with `patterns:`"):
        load_sensitive(written(tmp_path, "[x]"), setting=SETTING)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\xff")
    for path in (tmp_path / "none.yaml", tmp_path, binary):
        with pytest.raises(ConfigurationError) as caught:
            load_sensitive(path, setting=SETTING)
        assert SETTING in caught.value.message

from pathlib import Path

from evals.golden_set.fingerprints import fingerprints, hash_files, read_manifest, shown


def test_secrets_among_the_settings_are_only_said_to_be_set() -> None:
    settings = {
        "PORTAL_RAG_QDRANT_API_KEY": "abc",
        "PORTAL_RAG_TOKEN": "abc",
        "PORTAL_RAG_AUDIT_USER_KEY": "abc",
        "PORTAL_RAG_BACKSTAGE_URL": "https://me:abc@portal.example/x",
    }
    assert "abc" not in str(fingerprints(settings, None))
    assert shown("PORTAL_RAG_BACKSTAGE_URL", settings["PORTAL_RAG_BACKSTAGE_URL"]) == (
        "https://…@portal.example/x"
    )


def test_the_index_is_known_by_its_newest_generation(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == {}
    for number, chunks in (("2", 5), ("10", 7)):
        folder = tmp_path / "generations" / number
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(f'{{"chunk_count": {chunks}, "salt": "s"}}')
    known = fingerprints({}, tmp_path)
    assert known["index"]["chunk_count"] == 7
    assert "salt" not in known["index"]
    assert len(known["code"]) == 64


def test_a_hash_follows_names_and_contents(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_text("x")
    other.write_text("x")
    assert hash_files([one]) == hash_files([one])
    assert hash_files([one]) != hash_files([other])
    before = hash_files([one])
    one.write_text("y")
    assert hash_files([one]) != before

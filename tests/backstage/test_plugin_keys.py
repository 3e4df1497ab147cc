import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from portal_rag.backstage.plugin_keys import (
    PluginKey,
    create_key,
    format_keys,
    keyring,
    load_keys,
    load_public_keys,
    parse_keys,
    rotated,
)
from portal_rag.errors import ConfigurationError

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pem(key: Any, encryption: KeySerializationEncryption | None = None) -> str:
    encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return str(encoded.decode())


def same(keys: tuple[PluginKey, ...]) -> list[tuple[str, datetime | None]]:
    return [(key.kid, key.created) for key in keys]


def test_keys_are_read_as_they_were_written() -> None:
    keys = tuple(create_key(NOW + n * HOUR) for n in range(3))
    text = format_keys(keys)
    assert same(parse_keys(text, origin="x")) == same(keys)
    assert same(parse_keys(text.replace("\n", "\\n"), origin="x")) == same(keys)
    assert same(parse_keys(text.replace("\n", "\r\n"), origin="x")) == same(keys)


def test_a_key_is_named_after_its_public_half() -> None:
    jwk = create_key(NOW).jwk
    assert set(jwk) == {"kty", "crv", "x", "y", "kid", "alg"}
    assert (jwk["kty"], jwk["crv"], jwk["alg"]) == ("EC", "P-256", "ES256")
    members = {name: jwk[name] for name in sorted(("crv", "kty", "x", "y"))}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    assert jwk["kid"] == urlsafe_b64encode(digest).decode().rstrip("=")
    assert create_key(NOW).kid != jwk["kid"]


def test_a_plain_pem_of_another_tool_is_a_key_too() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    traditional = private.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()
    (key,) = parse_keys(traditional, origin="x")
    assert key.created is None
    assert same(parse_keys(pem(private), origin="x")) == same((key,))
    (dated,) = parse_keys(f"Created: 2026-06-09T14:05:00\n{traditional}", origin="x")
    assert dated.created == NOW


P256 = ec.generate_private_key(ec.SECP256R1())
WRONG = {
    "nothing": "",
    "text": "s3cret",
    "a public key": P256.public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode(),
    "a private and a public key": pem(P256)
    + P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    "RSA": pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "another curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "with a password": pem(P256, BestAvailableEncryption(b"x")),
    "cut off": pem(P256)[:80],
    "damaged": pem(P256).replace("MIG", "XXX"),
    "twice the same": pem(P256) * 2,
    "a wrong date": f"Created: yesterday\n{pem(P256)}",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_is_no_key_is_refused_by_the_name_of_its_setting(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_keys(text, origin="PORTAL_RAG_PLUGIN_KEY")
    assert "PORTAL_RAG_PLUGIN_KEY" in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "MIG" not in caught.value.message


def test_a_file_that_cannot_be_read_is_named_with_its_setting(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "missing", tmp_path, binary):
        with pytest.raises(ConfigurationError) as caught:
            load_keys(path, setting="PORTAL_RAG_PLUGIN_KEY_FILE")
        assert "PORTAL_RAG_PLUGIN_KEY_FILE" in caught.value.message
        assert str(path) in caught.value.message


def test_a_private_key_never_shows_when_a_key_is_printed() -> None:
    key = create_key(NOW)
    assert "private" not in repr(key)
    assert "d" not in key.jwk


def test_the_key_that_signed_until_now_outlives_any_rotation() -> None:
    old = create_key(NOW - timedelta(days=365))
    new, kept = rotated([old], now=NOW, overlap=HOUR)
    assert (new.created, kept) == (NOW, old)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=6), st.integers(60, 600))
def test_a_key_is_published_until_the_overlap_after_its_last_signature(
    pauses: list[int], overlap: int
) -> None:
    """Pauses in minutes between rotations."""
    now = NOW
    keys: tuple[PluginKey, ...] = (create_key(NOW),)
    last_signed: dict[str, datetime] = {}
    for pause in pauses:
        now += timedelta(minutes=pause)
        last_signed[keys[0].kid] = now
        keys = rotated(keys, now=now, overlap=timedelta(minutes=overlap))
        published = {jwk["kid"] for jwk in keyring(keys).published}
        needed = {
            kid for kid, until in last_signed.items() if now - until <= timedelta(minutes=overlap)
        }
        assert published == needed | {keys[0].kid}
        assert keyring(keys).signing is keys[0]


def test_keys_without_a_date_are_kept() -> None:
    undated = parse_keys(pem(P256) + pem(ec.generate_private_key(ec.SECP256R1())), origin="x")
    assert len(rotated(undated, now=NOW, overlap=HOUR)) == 3


def write_jwks(path: Path, *keys: Any) -> Path:
    path.write_text(json.dumps({"keys": keys}), encoding="utf-8")
    return path


def test_the_keys_of_all_replicas_are_published_once_each(tmp_path: Path) -> None:
    own, other, third = (create_key(NOW) for _ in range(3))
    write_jwks(tmp_path / "a.json", {**own.jwk, "use": "sig"}, other.jwk)
    write_jwks(tmp_path / "b.json", third.jwk)
    (tmp_path / "notes.txt").write_text("no key", encoding="utf-8")
    ring = keyring([own], load_public_keys(tmp_path, setting="x"))
    assert ring.published == (own.jwk, other.jwk, third.jwk)
    single = load_public_keys(tmp_path / "b.json", setting="x")
    assert keyring([own], single).published == (own.jwk, third.jwk)


PUBLIC = dict(create_key(NOW).jwk)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"keys": 1}',
        '{"keys": [7]}',
        '{"keys": [{}]}',
        json.dumps({"keys": [{**PUBLIC, "d": "AAAA"}]}),
        json.dumps({"keys": [{**PUBLIC, "alg": "HS256"}]}),
        json.dumps({"keys": [{**PUBLIC, "kid": 7}]}),
        json.dumps({"keys": [{**PUBLIC, "x": "AAAA"}]}),
        json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "x", "alg": "HS256"}]}),
    ],
)
def test_what_is_no_public_key_is_not_published(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="PORTAL_RAG_PLUGIN_PUBLIC_KEYS"):
        load_public_keys(path, setting="PORTAL_RAG_PLUGIN_PUBLIC_KEYS")

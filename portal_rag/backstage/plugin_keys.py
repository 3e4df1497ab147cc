"""The key pairs with which this service proves to Backstage that it is the plugin portal-rag.

A file holds private keys as PEM (PKCS 8), the one that signs first. The line `Created: <instant>`
above a key says since when it is there, and so until when the key below it signed.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt import PyJWK
from jwt.algorithms import ECAlgorithm
from jwt.exceptions import PyJWTError

from portal_rag.errors import ConfigurationError

ALGORITHM = "ES256"
PUBLISHED_MEMBERS = ("kty", "crv", "x", "y", "kid", "alg")
_CURVE = "secp256r1"
_HINT = "create one with `portal-rag keys create`"
_PUBLIC_HINT = "`portal-rag keys public` prints what belongs there"
_BLOCK = re.compile(
    r"(?:^Created: (?P<created>\S+)[ \t]*\n+)?"
    r"(?P<pem>^-----BEGIN (?P<label>[A-Z ]*PRIVATE KEY)-----$.*?^-----END (?P=label)-----$)",
    re.MULTILINE | re.DOTALL,
)

Jwk = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginKey:
    """A key pair for ES256; `kid` is derived from it, so that no two keys share one."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)
    kid: str
    created: datetime | None

    @property
    def jwk(self) -> Jwk:
        """The public half, as it is published."""
        return {**_public_members(self.private), "kid": self.kid, "alg": ALGORITHM}


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginKeys:
    """What this service signs with, and all that it publishes: its own keys, and others' of it."""

    signing: PluginKey
    published: tuple[Jwk, ...]


def create_key(now: datetime) -> PluginKey:
    """Make a new pair."""
    return _as_plugin_key(ec.generate_private_key(ec.SECP256R1()), now)


def rotated(
    keys: Sequence[PluginKey], *, now: datetime, overlap: timedelta
) -> tuple[PluginKey, ...]:
    """Put a new key in front, and leave out those that have not signed for longer than `overlap`.

    The key that signed until now always stays.
    """
    successors = (None, *keys[:-1])
    kept = [
        key
        for key, successor in zip(keys, successors, strict=True)
        if successor is None or successor.created is None or now - successor.created <= overlap
    ]
    return (create_key(now), *kept)


def format_keys(keys: Iterable[PluginKey]) -> str:
    """Write keys as `parse_keys` reads them."""
    return "\n".join(map(_format_key, keys))


def parse_keys(text: str, *, origin: str) -> tuple[PluginKey, ...]:
    r"""Read the keys of a file or an environment variable; there, `\n` may stand for a new line.

    Raises:
        ConfigurationError: there is no key, or one that ES256 cannot use; it names `origin` and
            never repeats any of the text.
    """
    lines = text.replace("\\n", "\n").replace("\r\n", "\n")
    blocks = list(_BLOCK.finditer(lines))
    if not blocks or len(blocks) != lines.count("-----BEGIN "):
        raise ConfigurationError(
            f"{origin}: this is not private keys as PEM and nothing else; {_HINT}"
        )
    keys = tuple(_parse_block(block, origin) for block in blocks)
    if len({key.kid for key in keys}) != len(keys):
        raise ConfigurationError(f"{origin}: a key stands there twice")
    return keys


def load_keys(path: Path, *, setting: str) -> tuple[PluginKey, ...]:
    """Read the keys of a file.

    Raises:
        ConfigurationError: the file cannot be read or does not hold keys; it names `setting`.
    """
    return parse_keys(_read(path, setting, _HINT), origin=f"{setting} ({path})")


def load_public_keys(path: Path, *, setting: str) -> tuple[Jwk, ...]:
    """Read public keys to publish: a JWKS file, or all of a folder, `*.json`.

    Raises:
        ConfigurationError: one cannot be read, is not a public ES256 key, or is a private one; it
            names `setting`.
    """
    try:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path} cannot be read: {error.strerror}") from error
    return tuple(jwk for file in files for jwk in _parse_jwks(file, setting))


def keyring(own: Sequence[PluginKey], others: Iterable[Jwk] = ()) -> PluginKeys:
    """Sign with the first of our own keys; publish all of them, and those of other replicas."""
    published = {jwk["kid"]: jwk for jwk in (*(key.jwk for key in own), *others)}
    return PluginKeys(signing=own[0], published=tuple(published.values()))


def _read(path: Path, setting: str, hint: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(f"{setting}: there is no file {path}; {hint}") from error
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{setting}: {path} cannot be read: it is not text") from error


def _parse_block(block: re.Match[str], origin: str) -> PluginKey:
    try:
        private = load_pem_private_key(block["pem"].encode(), password=None)
        created = datetime.fromisoformat(block["created"]) if block["created"] else None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{origin}: a key there cannot be read; {_HINT}") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != _CURVE:
        raise ConfigurationError(f"{origin}: a key there is not of the curve P-256; {_HINT}")
    if created and created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    return _as_plugin_key(private, created)


def _as_plugin_key(private: ec.EllipticCurvePrivateKey, created: datetime | None) -> PluginKey:
    return PluginKey(private=private, kid=_thumbprint(_public_members(private)), created=created)


def _public_members(private: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {member: str(jwk[member]) for member in ("kty", "crv", "x", "y")}


def _thumbprint(members: Jwk) -> str:
    """Name a key after its public half (RFC 7638)."""
    content = json.dumps(dict(members), sort_keys=True, separators=(",", ":")).encode()
    return urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _format_key(key: PluginKey) -> str:
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    created = f"Created: {key.created.isoformat(timespec='seconds')}\n" if key.created else ""
    return f"Key: {key.kid}\n{created}{pem}"


def _parse_jwks(file: Path, setting: str) -> list[Jwk]:
    try:
        jwks = json.loads(_read(file, setting, _PUBLIC_HINT))
    except ValueError as error:
        raise ConfigurationError(f"{setting}: {file} is not JSON; {_PUBLIC_HINT}") from error
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list):
        raise ConfigurationError(f"{setting}: {file} is not a set of keys; {_PUBLIC_HINT}")
    return [_parse_jwk(jwk, f"{setting} ({file})") for jwk in keys]


def _parse_jwk(jwk: Any, origin: str) -> Jwk:
    if isinstance(jwk, dict) and "d" in jwk:
        raise ConfigurationError(f"{origin}: a private key stands where public ones are published")
    try:
        members = {member: jwk[member] for member in PUBLISHED_MEMBERS}
        is_right = isinstance(members["kid"], str) and members["alg"] == ALGORITHM
        PyJWK(members, ALGORITHM)
    except (KeyError, TypeError, ValueError, PyJWTError) as error:
        raise ConfigurationError(f"{origin}: a key there is not a public ES256 key") from error
    if not is_right:
        raise ConfigurationError(f"{origin}: a key there is not a public ES256 key")
    return members

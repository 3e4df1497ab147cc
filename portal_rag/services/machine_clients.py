"""Machine clients: named programs with a static token each, for what is no user's business."""

import hmac
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from portal_rag.errors import ConfigurationError
from portal_rag.settings import ServiceSettings

SETTING = "PORTAL_RAG_MACHINE_CLIENTS_FILE"
Access = Literal["metrics"]
SHORTEST_TOKEN = 8
_ACCESSES: Mapping[str, Access] = {access: access for access in get_args(Access)}
_FIELDS = frozenset({"name", "token", "tokenFile", "access"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN = re.compile(rf"[\x21-\x7e]{{{SHORTEST_TOKEN},}}")
_ADVICE = "README, Machine clients, shows an entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineClient:
    """A program that brings no user; `access` is all that it may use."""

    name: str
    access: frozenset[Access]
    token_digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MachineClients:
    """All that are known; tokens themselves are not kept."""

    clients: tuple[MachineClient, ...] = ()

    def recognise(self, token: str) -> MachineClient | None:
        """Find whose token this is, in a time that tells nothing of any of them."""
        shown = _digest(token)
        known = [
            client
            for client, is_theirs in [
                (client, hmac.compare_digest(shown, client.token_digest)) for client in self.clients
            ]
            if is_theirs
        ]
        return known[0] if known else None


def open_machine_clients(settings: ServiceSettings) -> MachineClients:
    """Read those that the settings name; none where they name no file.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    path = settings.machine_clients_file
    return load_machine_clients(path) if path else MachineClients()


def load_machine_clients(path: Path) -> MachineClients:
    """Read a YAML list of `{name, token or tokenFile, access}`; a tokenFile is relative to it.

    Raises:
        ConfigurationError: naming the entry that is wrong, never a token.
    """
    entries = _parse(_read(path, f"{SETTING} {path}"))
    if not isinstance(entries, list):
        raise ConfigurationError(f"{SETTING}: the file must be a list of clients; {_ADVICE}")
    clients = tuple(
        _client(entry, number, path.parent) for number, entry in enumerate(entries, start=1)
    )
    _check_distinct(clients)
    return MachineClients(clients)


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(f"{what} cannot be read: {reason}; {_ADVICE}") from error


def _parse(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        where = f" at line {mark.line + 1}" if mark else ""
        # Not chained: the parser's own message quotes the line, which may hold a token.
        raise ConfigurationError(f"{SETTING}: the file is not YAML{where}; {_ADVICE}") from None


def _client(entry: object, number: int, folder: Path) -> MachineClient:
    if not isinstance(entry, dict):
        raise _wrong(f"entry {number}", "it must have name, access and token or tokenFile")
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong(f"entry {number}", "name must be letters, digits, dots, - and _")
    who = f"entry {number} ({name})"
    if entry.keys() - _FIELDS:  # not repeated: `token:x` without a space is such a field
        raise _wrong(who, f"it has an unknown field; known are {', '.join(sorted(_FIELDS))}")
    token = _token(entry, who, folder)
    return MachineClient(
        name=name, access=_access(entry.get("access"), who), token_digest=_digest(token)
    )


def _token(entry: Mapping[str, Any], who: str, folder: Path) -> str:
    if ("token" in entry) == ("tokenFile" in entry):
        raise _wrong(who, "it needs either token or tokenFile")
    token = entry.get("token")
    if "tokenFile" in entry:
        file = entry["tokenFile"]
        if not isinstance(file, str) or not file:
            raise _wrong(who, "tokenFile must be a path")
        token = _read(folder / file, f"{SETTING}, {who}: its tokenFile").strip()
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise _wrong(
            who, f"its token must be a text of at least {SHORTEST_TOKEN} characters without spaces"
        )
    return token


def _access(value: object, who: str) -> frozenset[Access]:
    if not isinstance(value, list) or not value:
        raise _wrong(who, f"access must be a list of {', '.join(_ACCESSES)}")
    for each in value:
        if each == "hints":
            raise _wrong(who, "hints are taken by the indexer, with PORTAL_INDEX_HINTS_TOKEN")
        if not isinstance(each, str) or each not in _ACCESSES:
            raise _wrong(who, f"there is no such access; known is {', '.join(_ACCESSES)}")
    return frozenset(_ACCESSES[each] for each in value)


def _check_distinct(clients: Sequence[MachineClient]) -> None:
    for name in _repeated(client.name for client in clients):
        raise _wrong(str(name), "two clients have this name")
    for digest in _repeated(client.token_digest for client in clients):
        sharing = [client.name for client in clients if client.token_digest == digest]
        raise _wrong(" and ".join(sharing), "they have the same token")


def _repeated(values: Iterable[object]) -> list[object]:
    return [value for value, times in Counter(values).items() if times > 1]


def _wrong(who: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"{SETTING}, {who}: {what}; {_ADVICE}")


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()

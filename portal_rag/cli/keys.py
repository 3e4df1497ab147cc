"""`portal-rag keys`: the key pairs of the service as a Backstage plugin, made and replaced."""

import json
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from portal_rag.backstage.plugin_keys import PluginKey, create_key, format_keys, load_keys, rotated
from portal_rag.errors import ConfigurationError, InputError

_SHORTEST_OVERLAP_HOURS = 1.0  # a token lives so long
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def keys() -> None:
    """Make, replace and show the keys of PORTAL_RAG_PLUGIN_KEY_FILE."""


@keys.command()
@click.option("--output", "path", type=_FILE, required=True, help="The file to write, mode 0600.")
def create(path: Path) -> None:
    """Make a key pair; a file that is there is never overwritten."""
    key = create_key(datetime.now(UTC))
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} exists; `portal-rag keys rotate` adds a key to it") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(format_keys([key]))
    click.echo(f"{path} holds the key {key.kid}; whoever has it can read the whole portal")


@keys.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option(
    "--overlap-hours",
    type=click.FloatRange(min=_SHORTEST_OVERLAP_HOURS),
    default=3.0,
    show_default=True,
    help="Keys that have not signed for longer than this are left out.",
)
def rotate(path: Path, overlap_hours: float) -> None:
    """Put a new key in front of those in FILE, so that it signs; the others are still published."""
    known = _load(path)
    kept = rotated(known, now=datetime.now(UTC), overlap=timedelta(hours=overlap_hours))
    _replace(path, format_keys(kept))
    dropped = len(known) + 1 - len(kept)
    click.echo(f"{kept[0].kid} signs after a restart; {len(kept)} keys are published")
    if dropped:
        click.echo(f"{dropped} left out")


@keys.command()
@click.argument("path", metavar="FILE", type=_FILE)
def public(path: Path) -> None:
    """Print the public halves of the keys in FILE, for PORTAL_RAG_PLUGIN_PUBLIC_KEYS."""
    jwks = {"keys": [dict(key.jwk) for key in _load(path)]}
    click.echo(json.dumps(jwks, indent=2))


def _load(path: Path) -> tuple[PluginKey, ...]:
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no file; `portal-rag keys create` makes one")
    return load_keys(path, setting="FILE")


def _replace(path: Path, content: str) -> None:
    """Write all of a file or nothing; the new file is its owner's alone."""
    try:
        file, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"{path} cannot be replaced: {error.strerror}") from error
    with open(file, "w", encoding="utf-8") as stream:
        stream.write(content)
    Path(name).replace(path)

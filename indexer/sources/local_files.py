"""Files of this machine: none outside the folder that is indexed, and none too large."""

import os
from collections.abc import Iterator
from pathlib import Path

from portal_rag.errors import InputError

MOST_BYTES = 5_000_000
_INSTALLED_FOLDERS = frozenset({"node_modules"})


def resolve_inside(root: Path, path: Path) -> Path:
    """Follow the path with all its links.

    Raises:
        InputError: it ends outside `root`, or goes round in circles.
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError("cannot be followed") from error
    if not resolved.is_relative_to(root.resolve()):
        raise InputError("leads out of the folder that is indexed")
    return resolved


def read_text(root: Path, file: Path) -> str:
    """Read a UTF-8 file, with or without a byte order mark.

    Raises:
        InputError: it leads out of `root`, is no file or too large, cannot be read, or is not
            UTF-8.
    """
    resolved = resolve_inside(root, file)
    try:
        if not resolved.is_file():
            raise InputError("not a file")
        with resolved.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)  # it may have grown meanwhile
        if len(content) > MOST_BYTES:
            raise InputError(f"larger than {MOST_BYTES} bytes")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error


def is_folder(path: Path) -> bool:
    """Whether it is a folder that can be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False


def visible_files(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Give each folder below `root` with the names in it, in order.

    Hidden folders, installed packages and links to folders are passed over.

    Raises:
        InputError: a folder cannot be listed, so that nobody knows what is in it.
    """
    for folder, subfolders, names in os.walk(root, onerror=_refuse):
        subfolders[:] = sorted(
            name for name in subfolders if name[0] != "." and name not in _INSTALLED_FOLDERS
        )
        yield Path(folder), sorted(names)


def _refuse(error: OSError) -> None:
    raise InputError(f"a folder cannot be listed: {error.strerror}") from error

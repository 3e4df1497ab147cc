"""Files of this machine: none outside the folder that is indexed, and none too large."""

from pathlib import Path

from portal_rag.errors import InputError

MOST_BYTES = 5_000_000


def resolve_inside(root: Path, path: Path) -> Path:
    """Follow the path with all its links.

    Raises:
        InputError: it ends outside `root`, or goes round in circles.
    """
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError) as error:
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
        if resolved.stat().st_size > MOST_BYTES:
            raise InputError(f"larger than {MOST_BYTES} bytes")
        return resolved.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text") from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from error

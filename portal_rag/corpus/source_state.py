"""What a run leaves to the next, packed: a large portal has some thousand lines of it."""

import base64
import zlib

from pydantic import TypeAdapter, ValidationError

from portal_rag.corpus.store import NO_STATE, SourceState

_STATE: TypeAdapter[SourceState] = TypeAdapter(SourceState)


def to_json(state: SourceState) -> bytes:
    """Encode a state for a file."""
    return _STATE.dump_json(state)


def from_json(encoded: bytes) -> SourceState:
    """Decode what `to_json` made; empty if it is something else."""
    try:
        return _STATE.validate_json(encoded)
    except ValidationError:
        return NO_STATE


def pack(state: SourceState) -> str:
    """Encode a state for the metadata of a collection."""
    return base64.b64encode(zlib.compress(to_json(state))).decode()


def unpack(packed: object) -> SourceState:
    """Decode what `pack` made; empty if it is something else."""
    if not isinstance(packed, str):
        return NO_STATE
    try:
        return from_json(zlib.decompress(base64.b64decode(packed)))
    except (ValueError, zlib.error):
        return NO_STATE

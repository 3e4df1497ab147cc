"""What one run tells the next: the mark of each scope that was read, by source."""

from collections.abc import Mapping

from portal_rag.corpus.store import SourceState

_SHAPE = "shape"
"""No scope is called so: scopes end in a slash or a number sign."""


def known_of(state: SourceState, source: str, *, shape: str) -> Mapping[str, str]:
    """Say what is known of a source; nothing, if its documents were shaped otherwise."""
    marks = state.get(source, {})
    if marks.get(_SHAPE) != shape:
        return {}
    return {scope: mark for scope, mark in marks.items() if scope != _SHAPE}


def state_after(
    before: SourceState, read: Mapping[str, Mapping[str, str]], *, shape: str
) -> SourceState:
    """Say what is known after a run; sources that it did not read are as before."""
    return {
        **before,
        **{source: {**marks, _SHAPE: shape} for source, marks in read.items() if marks},
    }


def still_true(before: SourceState, after: SourceState) -> SourceState:
    """Say what holds of an index in which the new texts of a run are still missing."""
    return {
        source: {
            scope: mark
            for scope, mark in marks.items()
            if before.get(source, {}).get(scope) == mark
        }
        for source, marks in after.items()
    }

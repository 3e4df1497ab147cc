"""What one run tells the next: the mark of each scope that was read, by source."""

from collections.abc import Iterable, Mapping

from indexer.changes import scopes_of
from indexer.sources.source import UNMARKED
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
        **{source: {**marks, _SHAPE: shape} for source, marks in read.items()},
    }


def unmark(marks: Mapping[str, str], paths: Iterable[str]) -> Mapping[str, str]:
    """Have the scopes of these documents read again: the index does not hold what was seen."""
    doubtful = {start for path in paths for start in scopes_of(path)}
    return {scope: UNMARKED if scope in doubtful else mark for scope, mark in marks.items()}


def still_true(before: SourceState, after: SourceState) -> SourceState:
    """Say what holds of an index in which the new texts of a run are still missing.

    A scope that changed keeps its place without a mark: it is there and has to be read. So does
    every scope of a source whose documents were shaped otherwise before.
    """
    return {source: _still_true(before.get(source, {}), marks) for source, marks in after.items()}


def _still_true(before: Mapping[str, str], after: Mapping[str, str]) -> Mapping[str, str]:
    is_same_shape = before.get(_SHAPE) == after.get(_SHAPE)
    return {
        scope: mark
        if scope == _SHAPE or (is_same_shape and mark == before.get(scope))
        else UNMARKED
        for scope, mark in after.items()
    }

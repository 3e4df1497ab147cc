"""A queue on disk gives back what was put into it."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.spooling import Spool
from portal_rag.errors import UpstreamError


@given(st.lists(st.one_of(st.none(), st.text()), max_size=40), st.integers(0, 200))
def test_what_is_put_in_comes_out_in_the_same_order(
    items: list[str | None], in_memory_bytes: int
) -> None:
    taken: list[str] = []
    with Spool[str](in_memory_bytes=in_memory_bytes) as spool:
        waiting = 0
        for item in items:  # None takes one, if there is one
            if item is not None:
                spool.put(item)
                waiting += 1
            elif spool:
                taken.append(spool.take())
                waiting -= 1
            assert len(spool) == waiting
        taken += [spool.take() for _ in range(waiting)]
    assert taken == [item for item in items if item is not None]


def test_nothing_is_taken_from_an_empty_spool() -> None:
    with Spool[str]() as spool, pytest.raises(IndexError):
        spool.take()


@contextmanager
def no_file_grows_above(size: int) -> Iterator[None]:
    """A disk that is full, as long as it lasts: pytest's own output would meet the limit, too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_temporary_folder_is_named() -> None:
    with Spool[bytes](in_memory_bytes=1) as spool:
        spool.put(b"x" * 2048)
        with no_file_grows_above(4096), pytest.raises(UpstreamError, match="TMPDIR"):
            spool.put(b"x" * 4096)

"""Embedding in several processes, for machines on which one cannot use all cores."""

import math
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Self

from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.store import DenseVector

_FEWEST_AT_ONCE = 8

_embedder: Embedder
"""The model of a process of its own, once it is loaded there."""


class EmbeddingProcesses:
    """Shares passages out among processes, each with a model of its own; queries stay here.

    The processes end with this one, however it ends.
    """

    def __init__(
        self, here: Embedder, *, load: Callable[[int], Embedder], processes: int, cores: int
    ) -> None:
        """Prepare to start them with the first passages; `load` is told how many threads to use.

        It is called in the processes, so it must be picklable.
        """
        self._here = here
        self._processes = processes
        self._pool = ProcessPoolExecutor(
            processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(load, max(1, cores // processes)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @property
    def fingerprint(self) -> str:
        return self._here.fingerprint

    @property
    def dimensions(self) -> int:
        return self._here.dimensions

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        """Embed a few here, and more in the processes, in equal shares; the order is kept."""
        if len(texts) <= _FEWEST_AT_ONCE:
            return self._here.embed_documents(texts)
        share = max(_FEWEST_AT_ONCE, math.ceil(len(texts) / self._processes))
        batches = [texts[start : start + share] for start in range(0, len(texts), share)]
        return [vector for vectors in self._pool.map(_embed, batches) for vector in vectors]

    def embed_query(self, text: str) -> DenseVector:
        return self._here.embed_query(text)


def _begin(load: Callable[[int], Embedder], threads: int) -> None:
    global _embedder  # noqa: PLW0603 (a process of the pool has nowhere else to keep it)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _embedder = load(threads)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def _embed(texts: Sequence[str]) -> list[DenseVector]:
    return _embedder.embed_documents(texts)

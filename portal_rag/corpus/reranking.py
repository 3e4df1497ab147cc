"""Passages put in order by a model that reads each together with the question (optional)."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from portal_rag.errors import ConfigurationError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_BATCH = 16
_SETTING = "PORTAL_RAG_RERANK_MODEL"


class Reranker(Protocol):
    """Says how well each passage answers a question; may be called from several threads."""

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        """Give one number for each passage, in the order given; more is better."""
        ...


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers on the CPU."""

    def __init__(self, model: "CrossEncoder") -> None:
        self._model = model
        self._lock = threading.Lock()

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        if not passages:
            return []
        pairs = [(question, passage) for passage in passages]
        with self._lock:  # a tokenizer refuses to be used by two threads at once
            scores = self._model.predict(pairs, batch_size=_BATCH, show_progress_bar=False)
        return [float(score) for score in scores]


def load_reranker(folder: Path) -> CrossEncoderReranker:
    """Load a cross-encoder with one output from a folder; nothing is ever downloaded.

    Raises:
        ConfigurationError: there is no such folder or no such model in it, or
            sentence-transformers is not installed.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{_SETTING} is {str(folder)!r}, which is not a folder")
    try:
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 (seconds to import)
    except ImportError as error:
        raise ConfigurationError(
            f"{_SETTING} needs sentence-transformers; install it, or leave the setting out"
        ) from error
    try:
        model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The model in {folder} cannot be loaded as a cross-encoder ({type(error).__name__});"
            f" {_SETTING} takes the folder of one"
        ) from error
    if model.num_labels != 1:
        raise ConfigurationError(
            f"The model in {folder} gives {model.num_labels} numbers for a passage;"
            f" {_SETTING} takes a cross-encoder that gives one"
        )
    return CrossEncoderReranker(model)

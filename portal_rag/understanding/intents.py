"""What a question wants: by the words it uses, and by the labelled examples it resembles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portal_rag.corpus.embedding import Embedder
from portal_rag.domain import Intent
from portal_rag.understanding.cues import cue_scores
from portal_rag.understanding.example_vectors import embed_texts
from portal_rag.understanding.examples import INTENTS, Example
from portal_rag.understanding.masking import mask
from portal_rag.understanding.readings import Reading, reading_of
from portal_rag.understanding.spelling import put_right

__all__ = ["IntentReader", "Reading", "read_intent"]

_UNKNOWN: Intent = "description"
"""Asks for documents and, where something is named, for what is known of it."""

# Chosen by cross-validation (`portal-evals intents --cross-validate`), with more regard for those
# examples for which no cue was made.
_SHARPNESS = 2.0
_SMOOTHING = 0.3
_WEIGHT = 5.0

_Matrix = NDArray[np.float64]

_FIRST, _LAST = 300, 200
"""Characters of a long message that are read for cues: its question begins or ends it."""


@dataclass(frozen=True, slots=True)
class Votes:
    """How much the examples speak for each intent, as weights that were fitted to them."""

    vectors: _Matrix
    weights: _Matrix

    @classmethod
    def fitted(cls, vectors: _Matrix, intents: Sequence[Intent]) -> "Votes":
        """Weigh the examples (one row of unit length each) by kernel ridge regression.

        An example counts the more the nearer it is to the question, and the less its neighbours
        agree with it or say the same already.
        """
        wanted = np.array([[float(intent == one) for one in INTENTS] for intent in intents])
        kernel = _kernel(vectors @ vectors.T) + _SMOOTHING * np.eye(len(vectors))
        return cls(vectors, np.linalg.solve(kernel, wanted))

    def of(self, vector: _Matrix) -> Mapping[Intent, float]:
        """Give about 1 for the intent that all similar examples have, about 0 for the others."""
        votes = _kernel(self.vectors @ vector) @ self.weights
        return dict(zip(INTENTS, votes.tolist(), strict=True))


def _kernel(cosines: _Matrix) -> _Matrix:
    return np.exp(-_SHARPNESS * (1.0 - cosines))


class IntentReader:
    """Reads questions by words and examples; may be used by several threads.

    Making one embeds what examples did not come with the program, or all if another model is set;
    reading embeds the question: neither belongs on an event loop.
    """

    def __init__(self, embedder: Embedder, examples: Sequence[Example]) -> None:
        self._embedder = embedder
        vectors = embed_texts([example.masked for example in examples], embedder)
        self._votes = Votes.fitted(vectors, [example.intent for example in examples])

    def read(self, text: str, *, masked: str | None = None) -> Reading:
        """Say what a question asks for; in `masked`, known names were replaced already."""
        words = put_right(mask(text if masked is None else masked))
        vector = np.array(self._embedder.embed_query(words).values)
        return _read(words, self._votes.of(vector))


def read_intent(text: str) -> Reading:
    """Say what a question asks for by its words alone."""
    return _read(put_right(mask(text)), {})


def _read(words: str, votes: Mapping[Intent, float]) -> Reading:
    short = words if len(words) <= _FIRST + _LAST else f"{words[:_FIRST]} … {words[-_LAST:]}"
    cues = cue_scores(short)
    intent = decide(cues, votes) if cues or votes else _UNKNOWN
    return reading_of(intent, short, is_clear=bool(cues), is_guessed=intent not in cues)


def decide(cues: Mapping[Intent, float], votes: Mapping[Intent, float]) -> Intent:
    """Take the intent for which words and examples say most."""
    return max(INTENTS, key=lambda one: cues.get(one, 0.0) + _WEIGHT * votes.get(one, 0.0))

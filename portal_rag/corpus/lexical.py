"""Text as weighted terms: BM25 in the term ids and weights of Qdrant's `qdrant/bm25` model.

The engine's own tokenizer splits at everything that is not a letter or a digit. Two kinds of
identifiers need more than that: `checkout-service` must count for more than both words apart,
and `PaymentGateway` must be found by its words. Their other spellings are added to the text.
"""

import re
from collections.abc import Iterator

import qdrant_edge

from portal_rag.corpus.store import SparseVector

_COMPOUND = re.compile(r"(?<![^\W_])[^\W_]++(?:[-_./:][^\W_]++)+")
_CAMEL_CASE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][a-z0-9]*+(?:[A-Z]++[a-z0-9]*+)+")
_CAMEL_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_VERSION = re.compile(r"\bv(\d+(?:\.\d+)+)", re.IGNORECASE)
_LONGEST_COMPOUND = 40
_SEPARATOR = re.compile(r"[-_./:]")

_bm25 = qdrant_edge.Bm25()


def document_terms(text: str) -> SparseVector:
    """Weigh the terms of a passage by frequency and length; no terms, no weights."""
    return _sorted(_bm25.embed_document(_with_spellings(text)))


def query_terms(text: str) -> SparseVector:
    """List the distinct terms of a question, each with weight 1; stop words do not count."""
    return _sorted(_bm25.embed_query(_with_spellings(text)))


def _with_spellings(text: str) -> str:
    return " ".join([text, *_compounds(text), *_humps(text), *_VERSION.findall(text)])


def _compounds(text: str) -> Iterator[str]:
    """Join `redis_old`, `api/v1/orders` and `1.20.3` to one term each."""
    for match in _COMPOUND.finditer(text):
        if len(match[0]) <= _LONGEST_COMPOUND:
            yield _SEPARATOR.sub("", match[0])


def _humps(text: str) -> Iterator[str]:
    """Part `PaymentGateway` and `HTTPServer` into their words."""
    for match in _CAMEL_CASE.finditer(text):
        humps = _CAMEL_HUMP.findall(match[0])
        if len(humps) > 1:
            yield from humps


def _sorted(terms: qdrant_edge.SparseVector) -> SparseVector:
    weights = sorted(zip(terms.indices, terms.values, strict=True))
    return SparseVector(
        indices=tuple(index for index, _ in weights), values=tuple(value for _, value in weights)
    )

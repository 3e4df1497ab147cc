"""Texts on which two forms of a model must agree before one may stand for the other."""

import math
import operator
from collections.abc import Iterable

from portal_rag.corpus.store import DenseVector

MIN_COSINE = 0.999
"""What two forms of one model must reach on every probe."""

_PASSAGES = (
    "checkout-service is a production service of system commerce, owned by team payments.",
    "Drain the queue first: `kubectl scale deploy/worker --replicas=0`, then restart the broker.",
    "# Rollback\n\n1. Stop the rollout.\n2. Run `helm rollback payments 41`.\n3. Watch the alerts.",
    "Die Größe der Warteschlange wird alle fünf Minuten geprüft; これはテストです。 Ελληνικά 🙂",
    "| variable | default |\n|---|---|\n| DB_POOL_SIZE | 20 |\n| DB_TIMEOUT_MS | 1500 |",
    "GET /v2/orders/{id} -> 200, 404; see https://portal.example/docs#orders (deprecated 2024-03).",
)
_WORD_COUNTS = (1, 2, 4, 7, 12, 20, 35, 60, 130, 400)
PROBES = (
    "",
    " \n\t",
    *_PASSAGES,
    *(
        " ".join((passage.split(" ") * count)[shift : shift + count])
        for shift, passage in enumerate(_PASSAGES)
        for count in _WORD_COUNTS
    ),
)
"""Nothing, words, tables, code, several scripts, and passages longer than any model's window."""


def least_cosine(left: Iterable[DenseVector], right: Iterable[DenseVector]) -> float:
    """Find the worst agreement of pairs of vectors; 1.0 is the same direction."""
    return min(map(_cosine, left, right))


def _cosine(left: DenseVector, right: DenseVector) -> float:
    product = math.fsum(map(operator.mul, left.values, right.values))
    return product / (math.hypot(*left.values) * math.hypot(*right.values))

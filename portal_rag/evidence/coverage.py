"""Which words of a question a text holds, whatever their endings."""

from collections.abc import Iterable, Sequence

from portal_rag.corpus.lexical import query_terms


def lacking(words: Iterable[str], text: str) -> tuple[str, ...]:
    """List the words that a text does not hold; of `price-changes` the whole must stand there.

    Words that every text has are held by all.
    """
    held = frozenset(query_terms(text).indices)
    return tuple(word for word in words if not held.issuperset(query_terms(word).indices))


def share_held(words: Sequence[str], lacks: Sequence[str]) -> float:
    """Give the share of the words that are not lacking; 1 where there are no words."""
    return 1 - len(lacks) / len(words) if words else 1.0

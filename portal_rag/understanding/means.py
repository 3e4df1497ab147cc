"""The means of an answer, and the words that choose among them."""

import re
from dataclasses import dataclass

from portal_rag.corpus.documents import DocumentKind
from portal_rag.domain import Purpose, Topic


@dataclass(frozen=True, slots=True)
class With:
    """Facts of these topics, documents of these kinds first, live data, or nothing."""

    purpose: Purpose
    topics: tuple[Topic, ...] = ()
    kinds: frozenset[DocumentKind] = frozenset()


def words(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that is searched for in any case."""
    return re.compile(pattern, re.IGNORECASE)


def facts(*topics: Topic) -> With:
    """Answer with facts, of the first topic above all."""
    return With("facts", topics)


def documents(*kinds: DocumentKind, topics: tuple[Topic, ...] = ()) -> With:
    """Answer with documents, and facts of the topics beside them."""
    return With("documents", topics, frozenset(kinds))


LIVE = With("live", ("owner", "contact"))

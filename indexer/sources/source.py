"""What the pipeline asks of a source; a new source is one class with these members."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from portal_rag.corpus.documents import Document
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import Predicates

EVERYTHING = ""
UNMARKED = ""
ABSENT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Something of a source that could not be read; the rest of the run goes on.

    `scope` is a document path, or the start of one up to a `/` or `#`: stored documents below it
    stay as they are, or, if `is_exact`, that one document. EVERYTHING says that nobody can tell
    which documents are missing. `is_outage` tells a system that failed from content that is broken.
    """

    scope: str
    reason: str
    is_outage: bool = False
    is_exact: bool = False

    def __post_init__(self) -> None:
        """Escape what no terminal or file should be sent, as names of files may hold anything."""
        object.__setattr__(self, "reason", printable(self.reason))

    def covers(self, document_path: str) -> bool:
        if self.is_exact:
            return document_path == self.scope
        if not document_path.startswith(self.scope):
            return False
        rest = document_path[len(self.scope) :]
        return not rest or not self.scope or self.scope[-1] in "/#" or rest[0] in "/#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All documents below `scope` were delivered, or stay as they are (`is_unchanged`).

    A later run is told the `mark`, and may skip what still has it. UNMARKED says that the scope is
    there and has to be read each time, ABSENT that it is there no more.
    """

    scope: str
    mark: str
    is_unchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Governing:
    """What is true of an entity as Backstage's rules see it; it holds for all that it governs.

    Only a source that has the entity from the catalog itself, with all of its fields, can say so.
    Of documents whose entity nobody gave, the index takes note that it is not known.
    """

    ref: EntityRef
    predicates: Predicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a run wants: all that changed since `known` (scope -> mark), or one entity anew."""

    known: Mapping[str, str]
    only: EntityRef | None = None

    def includes(self, path: str) -> bool:
        """Whether a document path or scope belongs to what is asked for."""
        return self.only is None or path.startswith((f"{self.only}/", f"{self.only}#"))


EVERYTHING_ANEW = Asked(known={})

Delivered = Document | Failure | Seen | Governing


def printable(text: str) -> str:
    """Escape control characters and the like."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


class Source(Protocol):
    """A way of reading a portal.

    `name` is what the command line calls it, `parts` the values of `Document.source` that it
    delivers: distinct from those of every other source, so that pruning one leaves the others.
    """

    @property
    def name(self) -> str: ...

    @property
    def parts(self) -> tuple[str, ...]: ...

    @property
    def reads_files(self) -> bool:
        """Whether all of it comes from files of this machine, so that nobody's rights apply."""
        ...

    def documents(self, asked: Asked) -> AsyncIterator[Delivered]:
        """Read what is asked for once; more than one entity's is no harm.

        Raises:
            PortalRagError: the source as a whole could not be read.
        """
        ...

    def entities(self) -> Sequence[Mapping[str, Any]]:
        """Give the catalog as it was read, once all documents are; empty unless from files."""
        ...

    def notes(self) -> Sequence[str]:
        """Say what is worth knowing and no failure, once all documents are read."""
        ...

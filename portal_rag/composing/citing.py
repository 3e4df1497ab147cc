"""Numbers the sources of an answer in the order in which they are first cited."""

from dataclasses import dataclass, field

from portal_rag.domain import Source


@dataclass(slots=True)
class Sources:
    """The sources that were cited so far."""

    cited: list[Source] = field(default_factory=list)

    def number(self, source: Source) -> int:
        """Cite a source: its number counts from 1."""
        if source not in self.cited:
            self.cited.append(source)
        return self.cited.index(source) + 1

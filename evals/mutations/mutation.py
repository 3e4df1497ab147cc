"""A deliberate fault in the source, and the tests of which one must notice it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Replaces the one place in `file` where `old` stands; `tests` are arguments for pytest."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def places(self, root: Path) -> int:
        """Count how often the text to replace stands in the file; it should be once."""
        return self._source(root).count(self.old)

    def mutated(self, root: Path) -> str:
        """Give the source with the fault in it."""
        return self._source(root).replace(self.old, self.new)

    def _source(self, root: Path) -> str:
        return (root / self.file).read_text(encoding="utf-8")

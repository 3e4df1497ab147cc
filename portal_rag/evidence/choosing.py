"""Which passages are shown: the best, neighbours as one, nothing twice, no page alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from portal_rag.corpus.documents import Chunk
from portal_rag.evidence.ranking import Candidate

MOST_PASSAGES = 4
MOST_OF_ONE_PAGE = 2
MOST_TOGETHER = 2
"""So many neighbours are read as one passage."""
MERGED_AMONG = 20
"""A neighbour joins what is chosen only if it is among so many of the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Neighbouring chunks of a page in reading order; `best` is the one that ranks highest."""

    best: Candidate
    chunks: tuple[Chunk, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """What the title paths of the chunks begin with."""
        shared = []
        for names in zip(*(chunk.title_path for chunk in self.chunks), strict=False):
            if len(set(names)) > 1:
                break
            shared.append(names[0])
        return tuple(shared)

    @property
    def text(self) -> str:
        """The texts in reading order, below the headings that they do not share."""
        above = len(self.titles)
        headed = (" > ".join(chunk.title_path[above:]) for chunk in self.chunks)
        return "\n\n".join(
            f"{heading}\n{chunk.text}" if heading else chunk.text
            for heading, chunk in zip(headed, self.chunks, strict=True)
        )

    @property
    def matched_text(self) -> str:
        """All that was embedded and matched of it."""
        return "\n".join(chunk.embedded_text for chunk in self.chunks)

    def takes(self, chunk: Chunk) -> bool:
        """Say whether the chunk stands right before or after, and there is room for it."""
        first, last = self.chunks[0], self.chunks[-1]
        return (
            len(self.chunks) < MOST_TOGETHER
            and _page(chunk) == _page(first)
            and chunk.ordinal in (first.ordinal - 1, last.ordinal + 1)
        )

    def with_neighbour(self, chunk: Chunk) -> "Excerpt":
        chunks = sorted((*self.chunks, chunk), key=lambda each: each.ordinal)
        return Excerpt(best=self.best, chunks=tuple(chunks))


def choose(candidates: Sequence[Candidate]) -> list[Excerpt]:
    """Take the best of the candidates, which are ranked."""
    chosen: list[Excerpt] = []
    taken: Counter[tuple[str, str]] = Counter()
    for number, candidate in enumerate(_without_repeats(candidates)):
        chunk = candidate.stored.chunk
        beside = [at for at, each in enumerate(chosen) if each.takes(chunk)]
        if beside and number < MERGED_AMONG:
            chosen[beside[0]] = chosen[beside[0]].with_neighbour(chunk)
        elif len(chosen) < MOST_PASSAGES and taken[_page(chunk)] < MOST_OF_ONE_PAGE:
            taken[_page(chunk)] += 1
            chosen.append(Excerpt(best=candidate, chunks=(chunk,)))
    return chosen


def _without_repeats(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of passages that say the same, whatever their white space, keep the first."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        first.setdefault(" ".join(candidate.stored.chunk.text.split()), candidate)
    return list(first.values())


def _page(chunk: Chunk) -> tuple[str, str]:
    return chunk.source, chunk.document_path

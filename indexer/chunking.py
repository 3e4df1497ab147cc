"""From a document to its chunks: along headings, code and tables whole, small neighbours merged."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from portal_rag.corpus.documents import Block, Chunk, Document

CHUNKING_VERSION = 1
"""To be raised with every change of this module that gives other chunks."""
TARGET = 1_000
"""Sections are merged up to this many characters."""
LIMIT = 1_200
"""No chunk is longer, except a code block or table of up to LONGEST_WHOLE characters."""
LONGEST_WHOLE = 4_000

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD_END = re.compile(r"(?<=\s)(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A part of a section that stays in one chunk; `titles` leads from the page to its heading."""

    section: int
    titles: tuple[str, ...]
    anchor: str
    text: str

    @property
    def heading_cost(self) -> int:
        return sum(len(title) + len(" > ") for title in self.titles)

    @property
    def cost(self) -> int:
        return len(self.text) + len("\n\n")


def split(document: Document) -> list[Chunk]:
    """Split a document into chunks in reading order; the same document gives the same chunks."""
    top = _without_repeats((document.site_title, document.title))
    return [
        _chunk(document, ordinal, top, pieces)
        for ordinal, pieces in enumerate(_packed(list(_pieces(document))))
    ]


def _pieces(document: Document) -> Iterator[_Piece]:
    headings: list[tuple[int, str]] = []
    for number, section in enumerate(document.sections):
        while headings and headings[-1][0] >= section.level:
            headings.pop()
        headings.append((section.level, section.title))
        titles = _below(document.title, [title for _, title in headings])
        for block in section.blocks:
            for text in _parts(block):
                yield _Piece(section=number, titles=titles, anchor=section.anchor, text=text)


def _below(page_title: str, titles: Sequence[str]) -> tuple[str, ...]:
    path = _without_repeats((page_title, *titles))
    return path[1:] if path[:1] == (page_title,) else path


def _packed(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Fill chunks greedily; a section that fits into one is not torn to fill up another."""
    chunk: list[_Piece] = []
    size = 0
    for position, piece in enumerate(pieces):
        starts_section = not chunk or chunk[-1].section != piece.section
        heading = piece.heading_cost if starts_section else 0
        wanted = _rest_of_section(pieces, position) if starts_section else piece.cost
        if chunk and size + heading + wanted > (TARGET if starts_section else LIMIT):
            yield chunk
            chunk, size, heading = [], 0, piece.heading_cost
        chunk.append(piece)
        size += heading + piece.cost
    if chunk:
        yield chunk


def _rest_of_section(pieces: list[_Piece], start: int) -> int:
    size = 0
    for position in range(start, len(pieces)):
        if pieces[position].section != pieces[start].section or size > LIMIT:
            break
        size += pieces[position].cost
    return size


def _chunk(document: Document, ordinal: int, top: tuple[str, ...], pieces: list[_Piece]) -> Chunk:
    shared = _shared_start([piece.titles for piece in pieces])
    return Chunk(
        source=document.source,
        document_path=document.path,
        ordinal=ordinal,
        title_path=_without_repeats((*top, *shared)),
        text=_text(pieces, below=len(shared)),
        url=document.url,
        anchor=pieces[0].anchor,
        entity_ref=document.entity_ref,
        resource_ref=document.resource_ref,
        kind=document.kind,
        modified_at=document.modified_at,
    )


def _text(pieces: Iterable[_Piece], *, below: int) -> str:
    paragraphs: list[str] = []
    section = None
    for piece in pieces:
        heading = " > ".join(piece.titles[below:]) if piece.section != section else ""
        paragraphs.append(f"{heading}\n{piece.text}" if heading else piece.text)
        section = piece.section
    return "\n\n".join(paragraphs)


def _shared_start(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shared = []
    for names in zip(*paths, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return tuple(shared)


def _without_repeats(titles: Iterable[str]) -> tuple[str, ...]:
    path: list[str] = []
    for title in titles:
        if title and title not in path[-1:]:
            path.append(title)
    return tuple(path)


def _parts(block: Block) -> list[str]:
    whole = LIMIT if block.kind == "text" else LONGEST_WHOLE
    if len(block.text) <= whole:
        return [block.text]
    return list(_split_lines(block.text))


def _split_lines(text: str) -> Iterator[str]:
    units = (
        unit
        for line in text.split("\n")
        for unit in ([line] if len(line) <= LIMIT else _split_line(line))
    )
    return _joined(units, "\n")


def _split_line(line: str) -> list[str]:
    """Split at sentence ends, a sentence that is too long at words, and a word anywhere."""
    sentences = (
        part
        for sentence in _SENTENCE_END.split(line)
        for part in ([sentence] if len(sentence) <= LIMIT else _split_sentence(sentence))
    )
    return list(_joined(sentences, " "))


def _split_sentence(sentence: str) -> list[str]:
    words = (
        word[start : start + LIMIT]
        for word in _WORD_END.split(sentence)
        for start in range(0, len(word), LIMIT)
    )
    return list(_joined(words, ""))


def _joined(units: Iterable[str], separator: str) -> Iterator[str]:
    """Join units as far as they fit; parts of white space alone are dropped."""
    part: str | None = None
    for unit in units:
        longer = unit if part is None else part + separator + unit
        if part is not None and len(longer) > LIMIT:
            if part.strip():
                yield part
            longer = unit
        part = longer
    if part and part.strip():
        yield part

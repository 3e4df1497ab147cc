"""A page's HTML, as MkDocs themes write it, read into sections of plain text."""

import re
from collections.abc import Callable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from portal_rag.corpus.documents import Block, BlockKind, Section
from portal_rag.errors import InputError

_ARTICLE = "article.md-content__inner"
_NOISE = (
    "script, style, template, noscript, nav, svg, button, iframe, "
    "a.headerlink, a.md-content__button, a.footnote-ref, a.footnote-backref, "
    "td.linenos, .md-source-file, .md-feedback"
)
_NOISE_AROUND_A_PAGE = "head, header, footer, aside"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
# fmt: off
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr",
    "legend", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul",
    *_HEADINGS,
})
# fmt: on
_KEPT_TOGETHER = frozenset({"ul", "ol", "dl", "blockquote", "details"})
_SPACES = re.compile(r"[ \t\r\n\f\v\xa0]+")
_WORD_BREAK = "\u200b"
"""Nobody sees it, and a secret that it splits is one all the same."""
_DEEPEST = 60
_MOST_NESTED = 10_000
_MOST_STYLED = 500
_NESTING_TAG = re.compile(
    r"<(/?)(?:address|article|aside|blockquote|center|details|dialog|div|dl|fieldset|figure"
    r"|footer|form|header|main|nav|ol|pre|section|table|ul)(?=[\s/>])",
    re.IGNORECASE,
)
_STYLING_TAG = re.compile(
    r"<(/?)(?:b|big|code|em|font|i|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE
)
_MOST_ATTRIBUTES = 1_000
_ATTRIBUTE = (
    r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?+|'[^']*+'?+|[^\s>"'][^\s>]*+))?+"""
)
_TAG = re.compile(
    r"<!--(?:-?>|.*?--!?>|.*+)"
    r"|<(script|style|textarea|title|xmp|iframe|noembed|noframes)"
    rf"(?=[\s/>])(?P<of_raw>(?:{_ATTRIBUTE})*+)[\s/]*+>(?:.*?(?=</\1)|.*+)"
    rf"|<[a-z][^\s/>]*+(?P<of_tag>(?:{_ATTRIBUTE})*+)",
    re.IGNORECASE | re.DOTALL,
)
_ONE_ATTRIBUTE = re.compile(_ATTRIBUTE)
_LONGEST_NUMBER = 9
_PARTS_OF_A_TABLE = frozenset({"thead", "tbody", "tfoot"})


def read_sections(html: str) -> tuple[Section, ...]:
    """Read the article of a page: what a reader sees, without navigation and permalinks.

    Lists become lines, code and tables stay whole blocks. What stands before the first heading
    is a section without a title. Heading ids become anchors, except the page's own title, which
    is its top.

    Raises:
        InputError: so much of it stands inside one another, or in one tag, that it would take
            very long.
    """
    _refuse_deep(html)
    _refuse_wide(html)
    tree = LexborHTMLParser(html)
    root = tree.css_first(_ARTICLE) or _body_alone(tree)
    if root is None:
        return ()
    _remove(root, _NOISE)
    reader = _SectionReader()
    reader.read_children(root, indent="", depth=0)
    return reader.finish()


def _refuse_deep(html: str) -> None:
    """Count open tags, roughly: a parser of HTML needs time or memory by the square of them."""
    for tag, most in ((_NESTING_TAG, _MOST_NESTED), (_STYLING_TAG, _MOST_STYLED)):
        is_open = 0
        for match in tag.finditer(html):
            is_open = max(0, is_open + (-1 if match[1] else 1))
            if is_open > most:
                raise InputError(f"more than {most} tags stand inside one another")


def _refuse_wide(html: str) -> None:
    """Count attributes, roughly: a parser compares each with all others of its tag."""
    for tag in _TAG.finditer(html):
        attributes = tag["of_raw"] or tag["of_tag"] or ""
        if len(attributes) > _MOST_ATTRIBUTES:
            count = sum(1 for _ in _ONE_ATTRIBUTE.finditer(attributes))
            if count > _MOST_ATTRIBUTES:
                raise InputError(f"a tag has more than {_MOST_ATTRIBUTES} attributes")


def _body_alone(tree: LexborHTMLParser) -> LexborNode | None:
    body = tree.body
    if body is not None:
        _remove(body, _NOISE_AROUND_A_PAGE)
    return body


def _remove(root: LexborNode, selector: str) -> None:
    for node in root.css(selector):
        node.decompose()


class _SectionReader:
    """Walks the tree once; `_lines` is the text block being collected, `_blocks` its section's."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._heading = ("", 1, "")
        self._blocks: list[Block] = []
        self._lines: list[str] = []
        self._marker = ""
        self._nesting = 0
        self._readers: dict[str, Callable[[LexborNode, str, int], None]] = {
            "pre": self._read_code,
            "table": self._read_table,
            "ul": self._read_list,
            "ol": self._read_list,
            **dict.fromkeys(_HEADINGS, self._read_heading),
        }

    def finish(self) -> tuple[Section, ...]:
        self._close_section()
        return tuple(self._sections)

    def read_children(self, node: LexborNode, indent: str, depth: int) -> None:
        inline: list[str] = []
        for child in node.iter(include_text=True):
            if _is_block(child):
                self._add_text("".join(inline), indent)
                inline = []
                self._read_block(child, indent, depth + 1)
            else:
                inline.append(_inline(child, depth))
        self._add_text("".join(inline), indent)

    def _read_block(self, node: LexborNode, indent: str, depth: int) -> None:
        if depth > _DEEPEST:
            self._add_text(node.text(deep=True), indent)
            return
        is_kept_together = _is_kept_together(node)
        self._nesting += is_kept_together
        reader = self._readers.get(node.tag or "", self.read_children)
        reader(node, indent, depth)
        self._nesting -= is_kept_together
        if not self._nesting:
            self._close_text()

    def _read_heading(self, node: LexborNode, _indent: str, depth: int) -> None:
        is_top = not self._sections and not self._blocks and not self._lines
        self._close_section()
        level = _HEADINGS.index(node.tag or "h1") + 1
        anchor = "" if is_top and level == 1 else _attribute(node, "id")
        title = " ".join(_tidy(_inline_children(node, depth)).split("\n"))
        self._heading = (title, level, anchor)

    def _read_code(self, node: LexborNode, _indent: str, _depth: int) -> None:
        self._add_block("code", node.text(deep=True).strip("\r\n").rstrip())

    def _read_table(self, node: LexborNode, indent: str, depth: int) -> None:
        if "highlighttable" in _classes(node):
            self.read_children(node, indent, depth)
            return
        self._add_block("table", "\n".join(_rows(node, depth)))

    def _read_list(self, node: LexborNode, indent: str, depth: int) -> None:
        number = _start(node)
        for child in node.iter(include_text=True):
            if child.tag == "li":
                self._marker = f"{indent}- " if node.tag == "ul" else f"{indent}{number}. "
                self.read_children(child, indent + "  ", depth)
                number += 1
            elif _is_block(child):
                self._read_block(child, indent, depth + 1)
            else:
                self._add_text(_inline(child, depth), indent)
        self._marker = ""

    def _add_text(self, text: str, indent: str) -> None:
        tidy = _tidy(text)
        if not tidy:
            return
        for line in tidy.split("\n"):
            self._lines.append((self._marker or indent) + line)
            self._marker = ""
        if not self._nesting:
            self._close_text()

    def _add_block(self, kind: BlockKind, text: str) -> None:
        if not text.strip():
            return
        self._close_text()
        self._blocks.append(Block(kind=kind, text=text))

    def _close_text(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._blocks.append(Block(kind="text", text="\n".join(lines)))

    def _close_section(self) -> None:
        self._close_text()
        title, level, anchor = self._heading
        blocks, self._blocks = tuple(self._blocks), []
        if title or blocks:
            self._sections.append(Section(title=title, level=level, anchor=anchor, blocks=blocks))
        self._heading = ("", level, "")


def _is_block(node: LexborNode) -> bool:
    return node.tag in _BLOCKS


def _is_kept_together(node: LexborNode) -> bool:
    return node.tag in _KEPT_TOGETHER or "admonition" in _classes(node)


def _classes(node: LexborNode) -> list[str]:
    return _attribute(node, "class").split()


def _attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""


def _start(numbered: LexborNode) -> int:
    start = _attribute(numbered, "start")
    is_number = start.isascii() and start.isdigit() and len(start) <= _LONGEST_NUMBER
    return int(start) if is_number else 1


def _rows(table: LexborNode, depth: int) -> Iterator[str]:
    """Read the table's own rows; a table inside a cell is text of that cell."""
    for row in _own_rows(table):
        cells = [_cell(cell, depth) for cell in row.iter() if cell.tag in ("th", "td")]
        if any(cells):
            yield " | ".join(cells)


def _own_rows(table: LexborNode) -> Iterator[LexborNode]:
    for part in table.iter():
        if part.tag in _PARTS_OF_A_TABLE:
            yield from (row for row in part.iter() if row.tag == "tr")
        elif part.tag == "tr":
            yield part


def _cell(cell: LexborNode, depth: int) -> str:
    return " ".join(_tidy(_inline_children(cell, depth)).split("\n"))


def _inline(node: LexborNode, depth: int) -> str:
    if node.tag == "-text":
        return _SPACES.sub(" ", node.text(deep=False).replace(_WORD_BREAK, ""))
    if node.tag == "br":
        return "\n"
    if node.tag == "img":
        return _attribute(node, "alt")
    if node.tag == "input":
        return _checkbox(node)
    return _inline_children(node, depth + 1)


def _inline_children(node: LexborNode, depth: int) -> str:
    if depth > _DEEPEST:
        return node.text(deep=True)
    separator = " " if node.tag in _BLOCKS or node.tag == "label" else ""
    inner = "".join(_inline(child, depth + 1) for child in node.iter(include_text=True))
    return separator + inner + separator


def _checkbox(node: LexborNode) -> str:
    if _attribute(node, "type") != "checkbox":
        return ""
    return "[x] " if "checked" in node.attributes else "[ ] "


def _tidy(text: str) -> str:
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)

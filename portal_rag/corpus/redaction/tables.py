"""Secrets in tables: what stands below a heading such as `Password`."""

import re
from collections.abc import Iterator

from portal_rag.corpus.redaction.likeness import is_assigned_secret
from portal_rag.corpus.redaction.rules import NAMES

RULE = "credential"
_LABEL = re.compile(rf"[^\[\]|]{{0,40}}?{NAMES}(?![a-z])[^\[\]|]{{0,30}}+", re.ASCII)
_LONGEST_LABEL = 80
_LEAST = 8
_AROUND_A_VALUE = " \t\r`*\"'"


def redact_cells(lines: list[str]) -> Iterator[int]:
    """Replace secrets in rows of cells that `|` parts; gives the number of the line of each.

    A label counts for its column, in all rows right below it.
    """
    labelled: set[int] = set()
    for number, line in enumerate(lines):
        cells = line.split("|")
        if len(cells) == 1:
            labelled.clear()
            continue
        for column, cell in enumerate(cells):
            value = cell.strip(_AROUND_A_VALUE)
            if column in labelled and _is_secret(value):
                cells[column] = cell.replace(value, f"[redacted {RULE}]")
                yield number
        lines[number] = "|".join(cells)
        labelled.update(column for column, cell in enumerate(cells) if _is_label(cell))


def _is_label(cell: str) -> bool:
    return len(cell) <= _LONGEST_LABEL and bool(_LABEL.fullmatch(cell.lower()))


def _is_secret(value: str) -> bool:
    return len(value) >= _LEAST and not any(map(str.isspace, value)) and is_assigned_secret(value)

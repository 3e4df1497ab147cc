"""The size rule: no function over 40 lines, the median at most 10, no module over 300."""

import ast
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

LONGEST_FUNCTION = 40
LARGEST_MEDIAN = 10
LONGEST_MODULE = 300


def main(folders: Iterable[str]) -> int:
    """Print the figures and every place that is too long; give the exit code."""
    lengths: list[int] = []
    too_long: list[str] = []
    for path in sorted(path for folder in folders for path in Path(folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > LONGEST_MODULE:
            too_long.append(f"{path} has {text.count(chr(10))} lines")
        for length, where in _functions(path, text):
            lengths.append(length)
            if length > LONGEST_FUNCTION:
                too_long.append(f"{where} has {length} lines")
    median = statistics.median(lengths)
    print(f"{len(lengths)} functions: median {median:g} lines, longest {max(lengths)}")
    print(*too_long, sep="\n", end="\n" if too_long else "")
    return int(bool(too_long) or median > LARGEST_MEDIAN)


def _functions(path: Path, text: str) -> Iterable[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            yield last - node.lineno + 1, f"{path}:{node.lineno} {node.name}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`portal-evals intents`: how often the intent of a question is read right, and how fast."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, get_args

import click
import yaml

from evals.golden_set.cases import GoldenSetError
from evals.metrics.intervals import wilson
from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.corpus.remembering_embedder import RememberingEmbedder
from portal_rag.domain import Intent
from portal_rag.errors import ConfigurationError
from portal_rag.understanding import example_vectors
from portal_rag.understanding.examples import Example, load_examples, shipped_examples
from portal_rag.understanding.intents import IntentReader, read_intent

DEFAULT = Path("evals/golden/intents.test.yaml")
_VECTORS = Path(example_vectors.__file__).with_name(example_vectors.SHIPPED)
_FOLDS = 10
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_Read = Callable[[str], Intent]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question and what it wants."""

    text: str
    intent: Intent


@dataclass(frozen=True, slots=True)
class Judged:
    """What a question wants, and what it was read as, in so many milliseconds."""

    labelled: Labelled
    read: Intent
    took_ms: float = 0.0


def load_labelled(path: Path) -> tuple[Labelled, ...]:
    """Read rows of `text` and `intent`, or the cases of a golden set that stand alone.

    Cases with a history are left out: their words alone do not say what is wanted.

    Raises:
        GoldenSetError: the file is no list of such rows.
    """
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise GoldenSetError(f"{path}: cannot be read: {type(error).__name__}") from error
    if not isinstance(rows, list):
        raise GoldenSetError(f"{path}: must be a list of rows with text (or question) and intent")
    alone = [row for row in rows if not (isinstance(row, dict) and row.get("history"))]
    return tuple(dict.fromkeys(_labelled(path, at, row) for at, row in enumerate(alone, start=1)))


def _labelled(path: Path, number: int, row: Any) -> Labelled:
    text = (row.get("text") or row.get("question")) if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise GoldenSetError(f"{path}: row {number} has no text")
    intent = row.get("intent")
    known: Intent | None = next((one for one in get_args(Intent) if one == intent), None)
    if known is None:
        raise GoldenSetError(f"{path}: row {number} has no intent, or one that is not known")
    return Labelled(text, known)


def judge(rows: Iterable[Labelled], read: _Read) -> tuple[Judged, ...]:
    """Read each question."""
    return tuple(_judged(row, read) for row in rows)


def _judged(row: Labelled, read: _Read) -> Judged:
    read(row.text)  # embeds it, if anything does
    started = time.perf_counter()
    intent = read(row.text)
    return Judged(row, intent, (time.perf_counter() - started) * 1000)


def judge_examples(examples: Sequence[Example], embedder: Embedder) -> tuple[Judged, ...]:
    """Read each example, as a reader would write it, by the other nine tenths of them."""
    return tuple(
        judged
        for fold in range(_FOLDS)
        for judged in judge(
            [Labelled(each.plain, each.intent) for each in examples[fold::_FOLDS]],
            reading(IntentReader(embedder, _without(examples, fold))),
        )
    )


def _without(examples: Sequence[Example], fold: int) -> list[Example]:
    return [each for at, each in enumerate(examples) if at % _FOLDS != fold]


def reading(reader: IntentReader) -> _Read:
    """Give the intents that a reader reads."""
    return lambda text: reader.read(text).intent


def summary(judged: Sequence[Judged], *, show: bool) -> Iterator[str]:
    """Say how much was read right, what was taken for what, and how long it took."""
    right = sum(each.read == each.labelled.intent for each in judged)
    low, high = wilson(right, len(judged))
    rate = f"{right / len(judged):.3f} [{low:.3f}, {high:.3f}]"
    yield f"accuracy {rate}, {right} of {len(judged)} right"
    missed = [each for each in judged if each.read != each.labelled.intent]
    pairs = Counter((each.labelled.intent, each.read) for each in missed)
    for (wanted, read), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"  {count:3}  {wanted} read as {read}"
    times = [each.took_ms for each in judged]
    yield f"ms beside the embedding: median {median(times):.2f}, worst {max(times):.2f}"
    if show:
        yield from (f"{e.labelled.intent} read as {e.read}: {e.labelled.text}" for e in missed)


@click.command("intents")
@click.argument("file", type=_FILE, default=DEFAULT)
@click.option("--examples", type=_FILE, help="Further examples, as PORTAL_RAG_INTENT_EXAMPLES.")
@click.option("--cross-validate", is_flag=True, help="Read the examples themselves, not FILE.")
@click.option("--words-only", is_flag=True, help="Without examples and without the model.")
@click.option("--show", is_flag=True, help="Also print the questions that were misread.")
def intents(
    file: Path, examples: Path | None, cross_validate: bool, words_only: bool, show: bool
) -> None:
    """Measure how often the intent of the questions of FILE is read right.

    FILE has rows of text and intent, or is a golden set. Only counts are printed: the test file
    stays unread.
    """
    if words_only:
        judged = judge(load_labelled(file), lambda text: read_intent(text).intent)
    else:
        judged = _judged_by_examples(file, _known(examples), cross_validate=cross_validate)
    if not judged:
        raise GoldenSetError(f"{file}: has no questions")
    for line in summary(judged, show=show):
        click.echo(line)


def _judged_by_examples(
    file: Path, examples: Sequence[Example], *, cross_validate: bool
) -> tuple[Judged, ...]:
    rows = () if cross_validate else load_labelled(file)
    embedder = RememberingEmbedder(load_embedder())
    if cross_validate:
        return judge_examples(examples, embedder)
    return judge(rows, reading(IntentReader(embedder, examples)))


@click.command("intent-vectors")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=_VECTORS)
def intent_vectors(out: Path) -> None:
    """Embed the shipped examples, and write what the program brings along."""
    texts = [example.masked for example in shipped_examples()]
    example_vectors.write_vectors(out, list(dict.fromkeys(texts)), load_embedder())
    click.echo(str(out))


def _known(path: Path | None) -> tuple[Example, ...]:
    if path is None:
        return shipped_examples()
    try:
        return load_examples(path, setting="--examples")
    except ConfigurationError as error:
        raise GoldenSetError(error.message) from error

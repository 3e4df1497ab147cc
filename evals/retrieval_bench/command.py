"""`portal-evals retrieval`: whether searching by meaning and words beats either, and the recipe."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from evals.golden_set.fingerprints import git_revision
from evals.remembered_vectors import RememberedVectors
from evals.retrieval_bench.collections import (
    CollectionError,
    Split,
    backstage_docs,
    scifact,
)
from evals.retrieval_bench.measuring import OURS, Comparison, compare
from indexer.chunking import CHUNKING_VERSION
from portal_rag.corpus.embedding import compute_with, load_embedder
from portal_rag.evidence.ranking import DENSE_WEIGHT

DATA = "PORTAL_RAG_EVAL_DATA"
_CACHE = Path(".portal-rag/retrieval")
_SETS = ("scifact", "backstage-docs")
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("retrieval")
@click.option("--data", envvar=DATA, type=_FOLDER, help=f"The data sets, else {DATA}.")
@click.option("--on", type=click.Choice(_SETS), multiple=True, help="One data set; else both.")
@click.option("--tune", is_flag=True, help="Ask the questions for tuning, not those for testing.")
@click.option("--cache", type=_FOLDER, default=_CACHE, show_default=True, help="Of embeddings.")
@click.option("--out", type=_FILE, help="Also write all values and fingerprints as JSON.")
def retrieval(
    data: Path | None, on: tuple[str, ...], tune: bool, cache: Path, out: Path | None
) -> None:
    """Compare BM25, dense and fused retrieval on real data, by pages.

    The first run embeds every text (minutes to half an hour), later ones take seconds.
    """
    folder = _checked(data)
    part: Split = "dev" if tune else "test"
    compute_with(1)
    vectors = RememberedVectors(load_embedder(), cache, notice=_say)
    try:
        comparisons = [_compare(name, folder, part, vectors) for name in on or _SETS]
    finally:
        vectors.close()
    for comparison in comparisons:
        for line in table(comparison):
            click.echo(line)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(as_json(comparisons, vectors.fingerprint), encoding="utf-8")


def _say(text: str) -> None:
    click.echo(text, err=True)


def _checked(data: Path | None) -> Path:
    if data is None or not data.is_dir():
        raise CollectionError(
            f"{DATA} (or --data) must name the folder that holds {' and '.join(_SETS)}"
            " (CONTRIBUTING, Measuring retrieval)"
        )
    return data


def _compare(name: str, data: Path, part: Split, vectors: RememberedVectors) -> Comparison:
    if name == "scifact":
        return compare(scifact(data, part), vectors)
    return compare(
        backstage_docs(data, part), vectors, recipe=backstage_docs(data, part, recipe=True)
    )


def table(comparison: Comparison) -> Iterator[str]:
    """Write each metric of each way of searching, and what ours has over it."""
    yield f"\n{comparison.name}, n={len(comparison.questions)}, 95 % intervals"
    for metric in comparison.metrics:
        for system in comparison.values:
            measured = comparison.measured(system, metric)
            if measured:
                interval = f"{measured.value:.3f} [{measured.low:.3f}, {measured.high:.3f}]"
                yield f"{metric:20} {system:7} {interval}{_gain(comparison, system, metric)}"


def _gain(comparison: Comparison, system: str, metric: str) -> str:
    if system == OURS:
        return ""
    gain = comparison.gain(system, metric)
    interval = f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    return f"   ours {interval} p={gain.p_value:.4f}"


def as_json(comparisons: Sequence[Comparison], model: str) -> str:
    """Write every value, with what it was measured on."""
    record = {
        "revision": git_revision(),
        "model": model,
        "chunking_version": CHUNKING_VERSION,
        "dense_weight": DENSE_WEIGHT,
        "comparisons": [asdict(comparison) for comparison in comparisons],
    }
    return json.dumps(record, indent=1) + "\n"

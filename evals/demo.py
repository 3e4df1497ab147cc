"""The demonstration: index a portal of files, serve it, ask, show the answers, check them."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
import yaml

from evals.renaming import Renaming, rename_portal
from evals.serving import run_indexer, serve
from portal_rag.cli.rendering import show_answer

_CASES = Path(__file__).parent / "golden" / "demo.yaml"
_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question and what its answer must hold; ` | ` separates what is enough each by itself."""

    question: str
    status: str
    facts: tuple[str, ...]
    source: str | None


@click.command()
@click.argument("portal", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--renamed", is_flag=True, help="Give every entity another name first.")
def main(portal: Path, renamed: bool) -> None:
    """Ask the eight questions about PORTAL; exit 1 if an answer is not what it must be."""
    with tempfile.TemporaryDirectory() as folder:
        renaming = Renaming(names={}, titles={})
        if renamed:
            renaming = rename_portal(portal, Path(folder) / "portal", seed=_SEED)
            portal = Path(folder) / "portal"
        with _serving(portal, Path(folder) / "index") as url:
            asked = list(cases(renaming))
            wrong = [problem for case in asked for problem in _ask(url, case)]
    for problem in wrong:
        click.echo(f"WRONG: {problem}", err=True)
    if not wrong:
        click.secho(f"\nAll {len(asked)} answers hold what they must.", bold=True)
    sys.exit(1 if wrong else 0)


def cases(renaming: Renaming) -> Iterator[Case]:
    """Read the questions, in the names that a renaming gave."""
    for row in yaml.safe_load(renaming.apply(_CASES.read_text(encoding="utf-8"))):
        yield Case(
            question=row["question"],
            status=row["status"],
            facts=tuple(row.get("facts", ())),
            source=row.get("source"),
        )


@contextmanager
def _serving(portal: Path, index: Path) -> Iterator[str]:
    """Index `portal` and serve it on a free loopback port while the block runs."""
    environ = {"PORTAL_RAG_AUTH": "none", "PORTAL_RAG_INDEX_DIR": str(index)}
    run_indexer(environ, "run", "--source", "files", "--path", str(portal))
    with serve(environ) as url:
        yield url


def _ask(url: str, case: Case) -> Iterator[str]:
    """Ask one question, print its answer, and yield what is wrong with it."""
    response = httpx.post(
        f"{url}/api/portal-rag/v1/questions", json={"question": case.question}, timeout=30
    )
    answer = response.raise_for_status().json()
    click.secho(f"\n{case.question}", bold=True)
    show_answer(answer, as_json=False)
    yield from problems(case, answer)


def problems(case: Case, answer: Mapping[str, Any]) -> Iterator[str]:
    """Say in words what an answer lacks."""
    if answer["status"] != case.status:
        yield f"{case.question}: status is {answer['status']}, not {case.status}"
    for fact in case.facts:
        if not any(alternative in answer["answer"] for alternative in fact.split(" | ")):
            yield f"{case.question}: the answer lacks {fact}"
    cited = [source["url"] for source in answer["sources"]]
    wanted = case.source.split(" | ") if case.source else ()
    if wanted and not any(each in url for each in wanted for url in cited):
        yield f"{case.question}: no cited source has {case.source} in its address"


if __name__ == "__main__":
    main()

"""`python -m evals.mutations`: each fault, put into a copy of the source, must fail a test."""

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import click

from evals.mutations import filters, gates, tokens
from evals.mutations.copies import ROOT, Judgement, copied, judged, passes
from evals.mutations.mutation import Mutation

MUTATIONS = (*filters.MUTATIONS, *gates.MUTATIONS, *tokens.MUTATIONS)


@click.command()
@click.option("--only", default="", help="Faults whose names contain this.")
@click.option("--jobs", default=2, show_default=True, help="So many at once.")
def main(only: str, jobs: int) -> None:
    """Show which faults the tests notice; exit 1 if there is one that they do not."""
    chosen = [each for each in MUTATIONS if only in each.name]
    check_places(chosen)
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            copies.put(copied(ROOT, Path(folder) / str(number)))
        judgements = run(chosen, copies, jobs)
    survived = [each for each in judgements if each.verdict != "caught"]
    click.echo(f"{len(chosen)} faults, {len(survived)} not caught")
    sys.exit(1 if survived else 0)


def check_places(mutations: list[Mutation]) -> None:
    """Make sure that each fault can be put where it belongs."""
    lost = [each.name for each in mutations if each.places(ROOT) != 1]
    if lost:
        raise click.ClickException(f"the text to replace does not stand there once: {lost}")


def run(mutations: list[Mutation], copies: "SimpleQueue[Path]", jobs: int) -> list[Judgement]:
    """Run the tests on the source as it is, then once with each fault in it."""
    tests = sorted({test for each in mutations for test in each.tests})
    unspoilt = copies.get()
    if not passes(unspoilt, tests):
        raise click.ClickException("the tests fail without any fault")
    copies.put(unspoilt)
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(partial(_judged, copies), mutations))


def _judged(copies: "SimpleQueue[Path]", mutation: Mutation) -> Judgement:
    copy = copies.get()
    try:
        judgement = judged(mutation, copy)
    finally:
        copies.put(copy)
    click.echo(f"{judgement.verdict:9} {judgement.seconds:5.1f} s  {mutation.name}")
    click.echo(f"{mutation.file:>50}  {judgement.by}")
    return judgement


if __name__ == "__main__":
    main()

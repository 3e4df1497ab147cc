"""Measures on this machine, in one run: figures are printed as ratios too, nothing is asserted."""

from pathlib import Path

import click

from evals.bench import answers, models


@click.command()
@click.argument("portal", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--only", type=click.Choice(["answers", "models"]), help="One part instead of all of them."
)
def main(portal: Path, only: str | None) -> None:
    """Index PORTAL from its files and ask it, in-process and without a language model."""
    for part in (answers, models):
        if only in {None, part.__name__.rpartition(".")[2]}:
            part.measure(portal)


if __name__ == "__main__":
    main()

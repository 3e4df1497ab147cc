"""Measures on this machine, in one run: figures are printed as ratios too, nothing is asserted."""

from collections.abc import Callable
from pathlib import Path

import click

from evals.bench import answers, latency, models, permissions, portals


@click.command()
@click.argument("portal", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--only",
    type=click.Choice(["answers", "latency", "models", "permissions", "portals"]),
    help="One part instead of all of them.",
)
def main(portal: Path, only: str | None) -> None:
    """Index PORTAL from its files and ask it, and index larger portals that a stub serves."""
    parts: dict[str, Callable[[], None]] = {
        "answers": lambda: answers.measure(portal),
        "latency": lambda: latency.measure(portal),
        "models": lambda: models.measure(portal),
        "permissions": permissions.measure,
        "portals": portals.measure,
    }
    for name, measure in parts.items():
        if only in {None, name}:
            measure()


if __name__ == "__main__":
    main()

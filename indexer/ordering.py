"""The options that the commands share: what to read, and where to report."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Self

import click

from indexer.opening import FILES, MARKDOWN, SOURCES
from indexer.running import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where a report goes besides the terminal."""

    summary: Path | None
    metrics: Path | None
    shows_json: bool

    @property
    def of_an_entity(self) -> Self:
        """The files keep what was reported of everything."""
        return replace(self, summary=None, metrics=None)


_OPTIONS = (
    click.option(
        "--source",
        "sources",
        type=click.Choice(SOURCES),
        multiple=True,
        required=True,
        help="What to read; may be given several times.",
    ),
    click.option(
        "--path",
        type=click.Path(path_type=Path),
        help="The folder that `--source files` reads, instead of PORTAL_INDEX_FILES_PATH.",
    ),
    click.option(
        "--markdown",
        multiple=True,
        metavar="DIR=ENTITY_REF",
        help="A folder that `--source markdown` reads and the entity that governs it, instead of"
        " PORTAL_INDEX_MARKDOWN; may be given several times.",
    ),
    click.option(
        "--summary",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Also write the report to this file, as Markdown.",
    ),
    click.option(
        "--metrics",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Also write the report to this file, as Prometheus text.",
    ),
    click.option("--json", "shows_json", is_flag=True, help="Print the report as JSON."),
)
allows_mass_delete = click.option(
    "--allow-mass-delete",
    is_flag=True,
    help="Delete what is gone from a source, however much it is.",
)


def takes_an_order(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; it gets them as `order` and `outputs`."""

    @wraps(command)
    def with_order(
        *,
        sources: tuple[str, ...],
        path: Path | None,
        markdown: tuple[str, ...],
        summary: Path | None,
        metrics: Path | None,
        shows_json: bool,
        **rest: Any,
    ) -> None:
        if path is not None and FILES not in sources:
            raise click.UsageError("--path belongs to --source files")
        for file in filter(None, (summary, metrics)):
            if not file.absolute().parent.is_dir():
                raise click.UsageError(f"there is no folder for {file}")
        if markdown and MARKDOWN not in sources:
            raise click.UsageError("--markdown belongs to --source markdown")
        order = Order(sources=sources, path=path, markdown=markdown)
        outputs = Outputs(summary=summary, metrics=metrics, shows_json=shows_json)
        command(order=order, outputs=outputs, **rest)

    for option in reversed(_OPTIONS):
        with_order = option(with_order)
    return with_order

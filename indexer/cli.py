"""The command line: `portal-index run | rebuild | watch | status | export-model`."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from indexer.exports import (
    as_markdown,
    as_markdown_of_failure,
    as_metrics,
    as_metrics_of_failure,
    replace_file,
)
from indexer.opening import read_published
from indexer.ordering import Outputs, allows_mass_delete, takes_an_order
from indexer.report import BAD_USAGE, FAILED, INTERRUPTED, RunReport, as_json, as_table
from indexer.running import Order, Runner, Surroundings
from indexer.settings import Address
from indexer.status import as_lines, facts_of
from indexer.watching import watch_portal
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.errors import ConfigurationError, InputError, PortalRagError


class _Program(click.Group):
    """Ends with one line that says what to do, where our own errors would show a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            click.echo(f"error: {error.message}", err=True)
            ctx.exit(BAD_USAGE)
        except PortalRagError as error:
            click.echo(f"error: {error.message}", err=True)
            ctx.exit(FAILED)
        except KeyboardInterrupt:
            click.echo("interrupted; what was published before is still in force", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=_Program)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Keep the index true to a Backstage portal.

    Settings come from the environment; the README lists them under "Settings".
    """
    ctx.obj = ctx.obj or Surroundings()


@main.command()
@takes_an_order
@allows_mass_delete
@click.option("--rebuild", is_flag=True, help="The same as the command `rebuild`.")
@click.option(
    "--entity",
    "entities",
    multiple=True,
    help="Read only this entity and its docs, such as component:shop.",
)
@click.pass_context
def run(
    ctx: click.Context,
    /,
    *,
    order: Order,
    outputs: Outputs,
    rebuild: bool,
    entities: tuple[str, ...],
    allow_mass_delete: bool,
) -> None:
    """Read the sources and bring the index up to date.

    Exit codes: 0 done, 1 failed (the index is as it was), 2 bad usage or settings, 3 done but a
    source failed, or would have lost so much that nothing of it was deleted.
    """
    if rebuild and entities:
        raise click.UsageError("--rebuild replaces the whole index, --entity reads one entity")
    if len(entities) > 1:
        raise click.UsageError("--entity takes one entity; run once for each of them")
    only = _entity_ref(entities[0]) if entities else None
    lifted = replace(order, allow_mass_delete=allow_mass_delete)
    _run_once(ctx, replace(lifted, rebuild=rebuild, only=only), outputs)


@main.command()
@takes_an_order
@allows_mass_delete
@click.pass_context
def rebuild(
    ctx: click.Context, /, *, order: Order, outputs: Outputs, allow_mass_delete: bool
) -> None:
    """Start from nothing, and replace the index at the end.

    Needed after a change of the embedding model. Readers see the former index meanwhile, and keep
    it if the new one would lack much of what the former has.
    """
    _run_once(ctx, replace(order, rebuild=True, allow_mass_delete=allow_mass_delete), outputs)


@main.command()
@takes_an_order
@click.option(
    "--interval",
    type=click.FloatRange(min=1),
    default=600.0,
    show_default=True,
    help="Seconds between two runs, give or take a tenth.",
)
@click.option(
    "--hints",
    metavar="HOST:PORT",
    help="Take hints over HTTP there, instead of at PORTAL_INDEX_HINTS_ADDRESS.",
)
@click.pass_context
def watch(
    ctx: click.Context,
    /,
    *,
    order: Order,
    outputs: Outputs,
    interval: float,
    hints: str | None,
) -> None:
    """Run again and again, at intervals and when hints say so, until SIGTERM or SIGINT.

    A run that is under way then is given up; what was published before stays in force.
    --summary and --metrics hold the last run that was not for a single entity.
    """
    watching = watch_portal(
        order,
        interval_seconds=interval,
        address=_address(hints) if hints else None,
        surroundings=ctx.obj,
        show=lambda report, entity: _show_timed(
            report, outputs if entity is None else outputs.of_an_entity
        ),
        notice=lambda text: click.echo(f"{_timed(ctx.obj.clock())} {text}", err=True),
    )
    asyncio.run(watching)


@main.command()
@click.option("--json", "shows_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def status(ctx: click.Context, *, shows_json: bool) -> None:
    """Say what is published, how old it is, and how the last run went."""
    surroundings: Surroundings = ctx.obj
    published = asyncio.run(read_published(surroundings.load_settings()))
    if published is None:
        click.echo("error: nothing is published; run `portal-index run --source …`", err=True)
        ctx.exit(FAILED)
    facts = facts_of(published, surroundings.clock())
    click.echo(json.dumps(facts, indent=2) if shows_json else as_lines(facts))


def _run_once(ctx: click.Context, order: Order, outputs: Outputs) -> None:
    surroundings: Surroundings = ctx.obj
    started_at = surroundings.clock()
    try:
        report = asyncio.run(Runner(surroundings).run(order))
    except PortalRagError as error:
        exit_code = BAD_USAGE if isinstance(error, ConfigurationError) else FAILED
        _show_failure(error.message, outputs, started_at=started_at, exit_code=exit_code)
        raise
    _show(report, outputs)
    ctx.exit(report.exit_code)


def _show_failure(reason: str, outputs: Outputs, *, started_at: datetime, exit_code: int) -> None:
    """Leave no files that tell of a better run; the caller says what happened."""
    if outputs.summary:
        replace_file(outputs.summary, as_markdown_of_failure(reason))
    if outputs.metrics:
        replace_file(outputs.metrics, as_metrics_of_failure(started_at, exit_code))


def _show(report: RunReport, outputs: Outputs) -> None:
    if outputs.summary:
        replace_file(outputs.summary, as_markdown(report))
    if outputs.metrics:
        replace_file(outputs.metrics, as_metrics(report))
    if outputs.shows_json:
        click.echo(json.dumps(as_json(report), indent=2))
    else:
        Console(soft_wrap=True).print(as_table(report))


def _show_timed(report: RunReport, outputs: Outputs) -> None:
    if not outputs.shows_json:  # which says when it started anyway
        click.echo(f"{_timed(report.started_at)} run {report.run_id}")
    _show(report, outputs)


def _timed(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


@main.command("export-model")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write, instead of PORTAL_RAG_QUERY_MODEL_DIR or `model` beside the index.",
)
@click.pass_context
def export(ctx: click.Context, output: Path | None) -> None:
    """Write the embedding model in the form that the service runs without torch.

    It is checked against the original; a form that differs is not published.
    """
    from portal_rag.corpus.onnx_export import export_model  # noqa: PLC0415 (a second to import)

    surroundings: Surroundings = ctx.obj
    settings = surroundings.load_settings()
    made = export_model(settings.embedding_model, output or settings.exported_model_dir)
    click.echo(
        f"exported {made.fingerprint} to {made.folder}"
        f" (cosine at least {made.least_cosine:.6f} on {made.probes} texts)"
    )


def _entity_ref(text: str) -> EntityRef:
    try:
        return EntityRef.parse(text, default_kind="component")
    except InputError as error:
        raise click.UsageError(f"--entity: {error.message}") from error


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise click.UsageError(f"--hints: {error}") from error

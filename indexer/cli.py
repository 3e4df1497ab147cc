"""The command line: `portal-index run | status | export-model`."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from indexer.opening import FILES, SOURCES, open_sources, open_writer, read_manifest
from indexer.pipeline import Tools, index
from indexer.progress import Bar, Lines, RunProgress
from indexer.report import BAD_USAGE, FAILED, INTERRUPTED, RunReport, as_json, as_table
from indexer.settings import IndexerSettings, load_indexer_settings
from portal_rag.corpus.embedding import Embedder
from portal_rag.corpus.precision import load_indexing_embedder
from portal_rag.corpus.store import Manifest, Run
from portal_rag.errors import ConfigurationError, PortalRagError


def _load_embedder(settings: IndexerSettings) -> Embedder:
    return load_indexing_embedder(
        settings.embedding_model,
        settings.precision,
        notice=lambda text: click.echo(text, err=True),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the program takes from outside; tests give their own."""

    load_settings: Callable[[], IndexerSettings] = load_indexer_settings
    load_embedder: Callable[[IndexerSettings], Embedder] = _load_embedder
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    seconds: Callable[[], float] = time.monotonic
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex


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
@click.option(
    "--source",
    "sources",
    type=click.Choice(SOURCES),
    multiple=True,
    required=True,
    help="What to read; may be given several times.",
)
@click.option(
    "--path",
    type=click.Path(path_type=Path),
    help="The folder that `--source files` reads, instead of PORTAL_INDEX_FILES_PATH.",
)
@click.option(
    "--rebuild", is_flag=True, help="Start from nothing, and replace the index at the end."
)
@click.option("--json", "shows_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def run(
    ctx: click.Context, sources: tuple[str, ...], path: Path | None, rebuild: bool, shows_json: bool
) -> None:
    """Read the sources and bring the index up to date.

    Exit codes: 0 done, 1 failed (the index is as it was), 2 bad usage or settings, 3 done but a
    source failed.
    """
    if path is not None and FILES not in sources:
        raise click.UsageError("--path belongs to --source files")
    surroundings: Surroundings = ctx.obj
    report = asyncio.run(_run(surroundings, sources, path, rebuild=rebuild))
    if shows_json:
        click.echo(json.dumps(as_json(report), indent=2))
    else:
        Console(soft_wrap=True).print(as_table(report))
    ctx.exit(report.exit_code)


@main.command()
@click.option("--json", "shows_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def status(ctx: click.Context, shows_json: bool) -> None:
    """Say what is published."""
    surroundings: Surroundings = ctx.obj
    manifest = asyncio.run(read_manifest(surroundings.load_settings()))
    if manifest is None:
        click.echo("error: nothing is published; run `portal-index run --source …`", err=True)
        ctx.exit(FAILED)
    facts = _facts(manifest, surroundings.clock())
    if shows_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo("\n".join(f"{name.replace('_', ' ')}: {_plain(facts[name])}" for name in facts))


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


async def _run(
    surroundings: Surroundings, names: tuple[str, ...], path: Path | None, *, rebuild: bool
) -> RunReport:
    settings = surroundings.load_settings()
    async with AsyncExitStack() as stack:
        sources = await open_sources(names, settings, path=path, stack=stack)
        embedder = surroundings.load_embedder(settings)
        writer = await open_writer(settings, embedder, rebuild=rebuild, stack=stack)
        tools = Tools(
            writer=writer,
            embedder=embedder,
            run=Run(id=surroundings.new_id(), started_at=surroundings.clock()),
            clock=surroundings.clock,
            seconds=surroundings.seconds,
            progress=stack.enter_context(_progress()),
            starts_over=rebuild,
        )
        return await index(sources, tools)


def _progress() -> RunProgress:
    console = Console(stderr=True)
    return Bar(console) if console.is_terminal else Lines(console)


def _facts(manifest: Manifest, now: datetime) -> Mapping[str, Any]:
    return {
        "chunks": manifest.chunk_count,
        "sources": list(manifest.sources),
        "built_from_files": manifest.built_from_files,
        "embedding": manifest.embedding_fingerprint,
        "dimensions": manifest.dimensions,
        "schema_version": manifest.schema_version,
        "run_id": manifest.run_id,
        "published_at": manifest.published_at.isoformat(),
        "age_seconds": round((now - manifest.published_at).total_seconds()),
    }


def _plain(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)

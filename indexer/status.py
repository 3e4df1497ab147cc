"""What is in the index, for people and for programs."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from indexer.opening import Published


def facts_of(published: Published, now: datetime) -> Mapping[str, Any]:
    """Say what is published and how the last run went; ages are seconds."""
    manifest, last_run = published.manifest, published.last_run or {}
    read_at = last_run.get("read_at", {})
    return {
        "chunks": manifest.chunk_count,
        "generation": published.generation,
        "sources": list(manifest.sources),
        "contents": {
            part: {"documents": content.documents, "chunks": content.chunks}
            for part, content in sorted(manifest.contents.items())
        },
        "sources_age_seconds": {name: _age(at, now) for name, at in sorted(read_at.items())},
        "built_from_files": manifest.built_from_files,
        "embedding": manifest.embedding_fingerprint,
        "dimensions": manifest.dimensions,
        "schema_version": manifest.schema_version,
        "run_id": manifest.run_id,
        "published_at": manifest.published_at.isoformat(),
        "age_seconds": _age(manifest.published_at.isoformat(), now),
        "last_run": last_run.get("report"),
        "later_failure": last_run.get("failed"),
    }


def as_lines(facts: Mapping[str, Any]) -> str:
    """Show facts one per line."""
    return "\n".join(_lines(facts))


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in facts.items():
        match name:
            case "contents":
                yield from (
                    f"{part}: {held['documents']} documents, {held['chunks']} chunks"
                    for part, held in value.items()
                )
            case "sources_age_seconds":
                yield from (f"{source} read: {age} seconds ago" for source, age in value.items())
            case "last_run":
                yield from _last_run(value) if value else ()
            case "later_failure":
                if value:
                    yield f"a later run failed: {value['started_at']}, {value['reason']}"
            case "sources":
                yield f"sources: {', '.join(value)}"
            case _:
                yield f"{name.replace('_', ' ')}: {value}"


def _last_run(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"last run: {report['started_at']}, exit code {report['exit_code']}"
    for source in report["sources"]:
        yield (
            f"last run of {source['name']}: {source['state']}, {source['embedded']} embedded,"
            f" {source['rewritten']} rewritten, {source['deleted']} deleted,"
            f" {source['unchanged']} unchanged"
        )
        yield from (f"  not read: {failure['reason']}" for failure in source["failures"])


def _age(at: str, now: datetime) -> int:
    return max(0, round((now - datetime.fromisoformat(at)).total_seconds()))

"""Writes measuring data out as a portal of files, which `portal-index --source files` reads."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

_TECHDOCS_REF = "backstage.io/techdocs-ref"
_HOST = "backstage"
"""The entity that owns the documentation in the `backstage-docs` data."""


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("target", type=click.Path(exists=False, path_type=Path))
def main(data: Path, target: Path) -> None:
    """Write the folder DATA (corpus.jsonl, catalog_entities.jsonl) as a portal to TARGET."""
    pages, entities = write_portal(data, target)
    click.echo(f"{pages} pages and {entities} entities in {target}")


def write_portal(data: Path, target: Path) -> tuple[int, int]:
    """Write the data as a portal; gives how many pages and entities it has."""
    pages = sum(_write_page(page, target / "site") for page in _rows(data / "corpus.jsonl"))
    (target / "site" / "mkdocs.yml").write_text("site_name: Backstage\n", encoding="utf-8")
    entities = [_entity(row) for row in _rows(data / "catalog_entities.jsonl")]
    catalog = target / "catalog.yaml"
    catalog.write_text(yaml.safe_dump_all(entities, sort_keys=False), encoding="utf-8")
    return pages, len(entities)


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _write_page(page: Mapping[str, Any], site: Path) -> int:
    path = site / "docs" / page["id"].removeprefix("docs/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# {page['title']}\n\n{page['text']}\n", encoding="utf-8")
    return 1


def _entity(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave the docs to the one entity that they belong to."""
    entity = {key: value for key, value in row.items() if key != "source_path"}
    metadata = dict(entity["metadata"])
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if key != _TECHDOCS_REF
    }
    if entity["kind"] == "Component" and metadata["name"] == _HOST:
        annotations[_TECHDOCS_REF] = "dir:./site"
    return entity | {"metadata": metadata | {"annotations": annotations}}


if __name__ == "__main__":
    main()

"""The portal as one user sees it, and a portal from which all the rest was removed."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

_MOST_ENTITIES = 5_000
_NEIGHBOURS = ("dependsOn", "providesApis", "consumesApis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an entity is called and whom it names; `ref` is in lower case."""

    ref: str
    name: str
    title: str | None = None
    owner: str | None = None
    neighbours: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.name, self.title) if self.title else (self.name,)


def listed(portal_url: str, token: str) -> dict[str, Known]:
    """Ask the portal itself what the holder of a token may read, by reference."""
    answer = httpx.get(
        f"{portal_url}/api/catalog/entities/by-query",
        params={"limit": str(_MOST_ENTITIES)},
        headers={"authorization": f"Bearer {token}"},
        timeout=30,
        trust_env=False,
    )
    entities = map(known, answer.raise_for_status().json()["items"])
    return {each.ref: each for each in entities}


def reduce_content(source: Path, target: Path, visible: Collection[str]) -> None:
    """Copy a portal of files without the entities that are not visible, and without their docs."""
    shutil.copytree(source, target)
    for file in sorted((target / "catalog").glob("*.yaml")):
        kept = []
        for entity in filter(None, yaml.safe_load_all(file.read_text(encoding="utf-8"))):
            if known(entity).ref in visible:
                kept.append(entity)
            else:
                _remove_docs(entity, file)
        file.write_text(yaml.safe_dump_all(kept, sort_keys=False), encoding="utf-8")


def known(entity: Mapping[str, Any]) -> Known:
    """Read an entity as the catalog's JSON or a catalog file writes it."""
    metadata = entity["metadata"]
    ref = f"{entity['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}".lower()
    spec = entity.get("spec") or {}
    title = metadata.get("title") or spec.get("profile", {}).get("displayName")
    near = (each for name in _NEIGHBOURS for each in spec.get(name) or ())
    return Known(
        ref=ref,
        name=metadata["name"],
        title=title,
        owner=spec.get("owner"),
        neighbours=tuple(near),
    )


def _remove_docs(entity: Mapping[str, Any], file: Path) -> None:
    annotations = entity["metadata"].get("annotations") or {}
    reference = annotations.get("backstage.io/techdocs-ref", "")
    if reference.startswith("dir:"):
        shutil.rmtree(file.parent / reference.removeprefix("dir:"), ignore_errors=True)


def texts_of(folder: Path) -> Iterator[str]:
    """Give all that a portal of files says."""
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".md", ".yaml", ".yml"}:
            yield file.read_text(encoding="utf-8")

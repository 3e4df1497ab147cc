"""Copies a portal of files with every entity renamed, to show that nothing is tuned to names."""

import hashlib
import itertools
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_FIRST = "amber basalt cedar delta ember fjord garnet hazel indigo juniper krypton lotus".split()
_SECOND = (
    "anvil beacon canyon dynamo estuary falcon glacier harbor isthmus jetty kiln lagoon".split()
)
_SUFFIXES = (".yaml", ".yml", ".md")


@dataclass(frozen=True, slots=True)
class Renaming:
    """The new name of every entity, and the new title of every entity that had one."""

    names: Mapping[str, str]
    titles: Mapping[str, str]

    def apply(self, text: str) -> str:
        """Replace whole names and titles, the longest first."""
        new = {**self.titles, **self.names}
        if not new:
            return text
        ordered = sorted(new, key=len, reverse=True)
        pattern = "|".join(re.escape(old) for old in ordered)
        return re.sub(rf"(?<![\w-])(?:{pattern})(?![\w-])", lambda m: new[m.group()], text)


def rename_portal(source: Path, target: Path, *, seed: int) -> Renaming:
    """Copy `source` to `target` (which must not exist) under new names; the seed fixes them."""
    shutil.copytree(source, target)
    entities = list(_entities(source / "catalog"))
    renaming = _renaming(entities, seed)
    for path in sorted(target.rglob("*")):
        if path.suffix in _SUFFIXES:
            path.write_text(_kept_paths(renaming, path.read_text(encoding="utf-8")), "utf-8")
    return renaming


def _entities(catalog: Path) -> Iterator[Mapping[str, Any]]:
    for path in sorted(catalog.glob("*.yaml")):
        documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        yield from (one for one in documents if one and one["kind"] != "Location")


def _renaming(entities: Iterable[Mapping[str, Any]], seed: int) -> Renaming:
    pairs = (f"{first}-{second}" for first, second in itertools.product(_FIRST, _SECOND))
    pool = sorted(pairs, key=lambda pair: hashlib.sha256(f"{seed} {pair}".encode()).digest())
    names: dict[str, str] = {}
    titles: dict[str, str] = {}
    for entity in entities:
        old = entity["metadata"]["name"]
        names.setdefault(old, f"{pool[len(names)]}-{_kind_word(entity)}")
        title = entity["metadata"].get("title") or _profile_name(entity)
        if title:
            titles.setdefault(title, _titled(names[old], title))
    return Renaming(names=names, titles=titles)


def _kind_word(entity: Mapping[str, Any]) -> str:
    """Keep what kind of thing a name tells, as real names do."""
    return {"API": "api", "Group": "crew", "User": "person"}.get(entity["kind"], "unit")


def _profile_name(entity: Mapping[str, Any]) -> str | None:
    name: str | None = entity.get("spec", {}).get("profile", {}).get("displayName")
    return name


def _titled(name: str, old_title: str) -> str:
    """Make a title of the new name, and keep a bracketed addition such as `(EU)`."""
    addition = re.search(r" \([^)]*\)$", old_title)
    return name.replace("-", " ").title() + (addition.group() if addition else "")


def _kept_paths(renaming: Renaming, text: str) -> str:
    """Rename everywhere but in the paths of docs folders, which keep their place on disk."""
    return "\n".join(
        line if "backstage.io/techdocs-ref" in line else renaming.apply(line)
        for line in text.split("\n")
    )

"""Entities that everybody could read until a moment ago, by the rules of the example portal."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from evals.backstage import Portal
from evals.leakage.worlds import known, listed

_PUBLIC_LABEL, _PUBLIC_ANNOTATION = "visibility", "example.com/visibility"
_ADMINISTRATOR = "carol"
_SECONDS = 120


@contextmanager
def revoked(portal: Portal, content: Path, refs: Collection[str]) -> Iterator[None]:
    """Take the mark of a public entity from these, until the block ends; `content` is edited.

    When the block begins, the portal hides them already; the index knows nothing of it.
    """
    files = {file: file.read_bytes() for file in (content / "catalog").glob("*.yaml")}
    for file in files:
        _edit(file, refs)
    try:
        _wait(portal, refs, hidden=True)
        yield
    finally:
        for file, before in files.items():
            file.write_bytes(before)
        _wait(portal, refs, hidden=False)


def _edit(file: Path, refs: Collection[str]) -> None:
    entities = list(filter(None, yaml.safe_load_all(file.read_text(encoding="utf-8"))))
    for entity in entities:
        if known(entity).ref in refs:
            _without_mark(entity["metadata"])
    file.write_text(yaml.safe_dump_all(entities, sort_keys=False), encoding="utf-8")


def _without_mark(metadata: Mapping[str, Any]) -> None:
    for part, mark in (("labels", _PUBLIC_LABEL), ("annotations", _PUBLIC_ANNOTATION)):
        (metadata.get(part) or {}).pop(mark, None)


def _wait(portal: Portal, refs: Collection[str], *, hidden: bool) -> None:
    """Have the catalog read its files, until the guest sees none of them, or all."""
    headers = {"authorization": f"Bearer {portal.user_token(_ADMINISTRATOR)}"}
    guest = portal.user_token("guest")

    def is_so() -> bool:
        for ref in refs:
            httpx.post(
                f"{portal.url}/api/catalog/refresh",
                json={"entityRef": ref},
                headers=headers,
                timeout=30,
                trust_env=False,
            ).raise_for_status()
        seen = listed(portal.url, guest)
        return not any(ref in seen for ref in refs) if hidden else all(ref in seen for ref in refs)

    Retrying(
        retry=retry_if_result(lambda so: not so),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(_SECONDS),
    )(is_so)

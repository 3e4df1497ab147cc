"""What a run measured: hashes of code, prompts and golden files, the model and the index."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PROMPTS = _ROOT / "portal_rag" / "prompts"
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
_OF_INDEX = (
    "schema_version",
    "embedding_fingerprint",
    "chunking_version",
    "catalog_hash",
    "chunk_count",
    "sources",
)


def fingerprints(settings: Mapping[str, str], index: Path | None) -> Mapping[str, Any]:
    """Say what was measured; `settings` are named, secrets among them only as set.

    Without an `index` of ours the service is somebody else's: of its code nothing is known here.
    """
    manifest = read_manifest(index) if index else {}
    return {
        "harness": {"revision": git_revision(), "files": hash_files(_python_files("evals"))},
        "code": hash_files(_python_files("portal_rag", "indexer")) if index else None,
        "prompts": hash_files(sorted(_PROMPTS.glob("*.txt"))) if index else None,
        "model": settings.get("PORTAL_RAG_LLM_MODEL"),
        "index": {name: manifest.get(name) for name in _OF_INDEX} if manifest else None,
        "settings": {name: shown(name, settings[name]) for name in sorted(settings)},
    }


def shown(name: str, value: str) -> str:
    """Give a setting as it may be written down."""
    return "(set)" if _SECRET.search(name) else _USER_IN_URL.sub("…@", value)


def git_revision() -> str | None:
    """Give the commit, with `+` where files differ from it; None outside of a checkout."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+" if _git("status", "--porcelain") else "")


def _git(*words: str) -> str | None:
    try:
        ended = subprocess.run(
            ["git", "-C", str(_ROOT), *words],  # noqa: S607  (whichever git there is)
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return None if ended.returncode else ended.stdout.strip()


def hash_files(files: Iterable[Path]) -> str:
    """Hash names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def read_manifest(index: Path) -> Mapping[str, Any]:
    """Read the manifest of the newest generation of an embedded index; empty if there is none."""
    generations = index / "generations"
    numbers = [int(each.name) for each in generations.glob("*") if each.name.isdigit()]
    if not numbers:
        return {}
    file = generations / str(max(numbers)) / "manifest.json"
    manifest: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return manifest


def _python_files(*packages: str) -> list[Path]:
    return sorted(path for name in packages for path in (_ROOT / name).rglob("*.py"))

"""Embedding for the index with fewer bits, where the processor is quick at it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from portal_rag.corpus.embedding import (
    Embedder,
    SentenceTransformerEmbedder,
    compute_with,
    load_embedder,
)
from portal_rag.corpus.probing import MIN_COSINE, PROBES, least_cosine

Precision = Literal["auto", "fp32", "bf16"]
CPU_INFO = Path("/proc/cpuinfo")
_NATIVE_BF16 = re.compile(r"^flags\b.*\bamx_bf16\b", re.MULTILINE)
"""AMX made bf16 2.4 to 2.9 times as fast as fp32; avx512_bf16 alone 0.7 times."""
_EVERY = 5


def load_indexing_embedder(
    model: str,
    precision: Precision,
    *,
    notice: Callable[[str], None],
    threads: int | None = None,
    cpu_info: Path = CPU_INFO,
) -> Embedder:
    """Load the model for many passages; `notice` is told if it is not the plain fp32 form.

    It computes with so many `threads`, or as torch sees fit. The vectors may be compared with those
    of fp32: bf16 is checked on a few texts first, and fp32 is used where it differs.

    Raises:
        ConfigurationError: there is no such model.
    """
    embedder = load_embedder(model)
    if threads:
        compute_with(threads)
    if precision == "fp32" or (precision == "auto" and not has_native_bf16(cpu_info)):
        return embedder
    agreement = _halve(embedder)
    if agreement >= MIN_COSINE:
        notice(f"embedding in bf16 (cosine {agreement:.5f} to fp32)")
        return embedder
    notice(f"embedding in fp32: vectors of bf16 differ (cosine {agreement:.5f})")
    return load_embedder(model)


def has_native_bf16(cpu_info: Path = CPU_INFO) -> bool:
    """Say whether the processor has AMX for bf16; False where that cannot be read."""
    try:
        return bool(_NATIVE_BF16.search(cpu_info.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False


def _halve(embedder: SentenceTransformerEmbedder) -> float:
    """Change to bf16 in place; gives the least cosine to the vectors before."""
    probes = PROBES[::_EVERY]
    before = embedder.embed_documents(probes)
    embedder.compute_in_bf16()
    return least_cosine(before, embedder.embed_documents(probes))

"""Fewer bits are used where the processor is quick at it, and only if the vectors agree."""

from pathlib import Path

import pytest

from portal_rag.corpus.embedding import Embedder, load_embedder
from portal_rag.corpus.precision import Precision, has_native_bf16, load_indexing_embedder
from portal_rag.corpus.probing import MIN_COSINE, PROBES, least_cosine
from tests.corpus.tiny_model import make_model

QUICK = "processor\t: 0\nflags\t\t: fpu sse2 avx512_bf16 amx_bf16 amx_tile\nbugs\t\t: none\n"
SLOW = "processor\t: 0\nmodel name\t: amx_bf16\nflags\t\t: fpu sse2 avx512_bf16\nbugs\t\t: none\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QUICK, True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("Features\t: fp asimd bf16 i8mm\n", False),
        (SLOW, False),
        ("", False),
    ],
)
def test_the_processor_says_what_it_is_quick_at(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert has_native_bf16(tmp_path / "cpuinfo") is expected


def test_a_machine_that_says_nothing_counts_as_slow(tmp_path: Path) -> None:
    assert not has_native_bf16(tmp_path / "absent")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


def load(
    model: Path, precision: Precision, tmp_path: Path, cpu: str = QUICK
) -> tuple[Embedder, list[str]]:
    notices: list[str] = []
    (tmp_path / "cpuinfo").write_text(cpu)
    embedder = load_indexing_embedder(
        str(model), precision, notice=notices.append, cpu_info=tmp_path / "cpuinfo"
    )
    return embedder, notices


@pytest.mark.model
@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_vectors_of_bf16_may_be_compared_with_those_of_fp32(
    model: Path, tmp_path: Path, precision: Precision
) -> None:
    full = load_embedder(str(model))
    half, notices = load(model, precision, tmp_path)
    assert half.fingerprint == full.fingerprint
    there, here = full.embed_documents(PROBES), half.embed_documents(PROBES)
    assert there != here
    assert least_cosine(there, here) > MIN_COSINE
    assert ["bf16 (cosine" in notice for notice in notices] == [True]


@pytest.mark.model
def test_a_slow_processor_or_the_setting_keeps_fp32(model: Path, tmp_path: Path) -> None:
    expected = load_embedder(str(model)).embed_query("redis")
    for precision, cpu in (("auto", SLOW), ("fp32", QUICK)):
        embedder, notices = load(model, precision, tmp_path, cpu)
        assert (embedder.embed_query("redis"), notices) == (expected, [])


@pytest.mark.model
def test_a_model_of_fine_nuances_is_loaded_again_in_fp32(tmp_path: Path) -> None:
    model = make_model(tmp_path / "sharp", sharpness=1000.0)
    embedder, notices = load(model, "bf16", tmp_path)
    assert embedder.embed_query("redis") == load_embedder(str(model)).embed_query("redis")
    assert ["fp32: vectors of bf16 differ" in notice for notice in notices] == [True]

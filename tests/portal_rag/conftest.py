"""A small portal with an index, and a service over both that keeps account: once a module."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.factories import make_chunk
from tests.fakes.backstage import FakeBackstage
from tests.fakes.indexes import publish_index
from tests.portal_rag.recorded import Recorded, recording
from tests.portal_rag.world import CHUNKS, ENTITIES

INCIDENT = make_chunk(
    "INC-117: carts were emptied twice on a Tuesday.", page="incidents/inc-117/", kind="incident"
)


@pytest.fixture(scope="module")
def portal() -> Iterator[FakeBackstage]:
    with FakeBackstage(entities=ENTITIES) as backstage:
        yield backstage


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    anyio.run(publish_index, directory, (*CHUNKS, INCIDENT))
    return directory


@pytest.fixture(scope="module")
def shared(
    portal: FakeBackstage, index: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recorded]:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    with recording(portal, index, path) as recorded:
        yield recorded

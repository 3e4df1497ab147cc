"""Each contract test runs over every store."""

from collections.abc import AsyncIterator

import pytest

from tests.corpus.stores import KINDS, Store, open_store


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    async with open_store(request.param) as opened:
        yield opened

import anyio
import pytest

from portal_rag.domain import Evidence, Portal, Query
from portal_rag.errors import (
    AuthenticationError,
    IndexUnavailableError,
    NotAllowedError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from portal_rag.evidence.finding import EvidenceSource, Finding
from portal_rag.evidence.gathering import Gathering
from tests.factories import make_passage, make_question
from tests.fakes.portal import FakePortal

QUERY = Query(
    intent="how_to",
    search_text="?",
    question=make_question("?"),
    purpose="documents",
    topics=(),
    document_kinds=frozenset(),
    subjects=(),
)


class FakeSource:
    def __init__(self, name: str, outcome: Finding | PortalRagError | None) -> None:
        self.name = name
        self._outcome = outcome

    async def find(self, query: Query, portal: Portal) -> Finding:
        if isinstance(self._outcome, PortalRagError):
            raise self._outcome
        if self._outcome is None:
            await anyio.sleep_forever()
        assert self._outcome
        return self._outcome


async def gather(*sources: EvidenceSource, deadline_seconds: float = 5.0) -> Evidence:
    ticks = iter(range(100))
    gathering = Gathering(
        sources=sources,
        deadline_seconds=deadline_seconds,
        timer=lambda: float(next(ticks)),
    )
    with anyio.fail_after(5):
        return await gathering.gather(QUERY, FakePortal([]))


async def test_evidence_keeps_the_order_of_the_sources() -> None:
    first, second = make_passage("first"), make_passage("second")
    evidence = await gather(
        FakeSource("one", Finding(passages=(first,))),
        FakeSource("two", Finding(passages=(second,))),
    )
    assert evidence.passages == (first, second)
    assert [(one.source, one.state) for one in evidence.consulted] == [("one", "ok"), ("two", "ok")]


async def test_a_source_without_a_find_is_empty_unless_it_says_otherwise() -> None:
    evidence = await gather(
        FakeSource("one", Finding()), FakeSource("two", Finding(state="not_applicable"))
    )
    assert [one.state for one in evidence.consulted] == ["empty", "not_applicable"]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UpstreamTimeoutError("catalog", "slow"), "timeout"),
        (UpstreamError("catalog", "busy", upstream_status=429), "rate_limited"),
        (UpstreamError("catalog", "down", upstream_status=503), "unavailable"),
        (IndexUnavailableError("nothing is published"), "unavailable"),
        (NotAllowedError("no"), "forbidden"),
    ],
)
async def test_a_source_that_fails_is_named_and_the_others_still_count(
    error: PortalRagError, state: str
) -> None:
    passage = make_passage()
    evidence = await gather(
        FakeSource("bad", error), FakeSource("good", Finding(passages=(passage,)))
    )
    assert [one.state for one in evidence.consulted] == [state, "ok"]
    assert evidence.passages == (passage,)


async def test_a_source_that_does_not_answer_in_time_is_given_up() -> None:
    evidence = await gather(FakeSource("slow", None), deadline_seconds=0.01)
    assert [one.state for one in evidence.consulted] == ["timeout"]


async def test_a_token_that_ran_out_ends_the_question() -> None:
    with pytest.raises(AuthenticationError):
        await gather(FakeSource("catalog", AuthenticationError("expired")))

"""Ask all sources at once, each within its deadline; a source that fails is named, not fatal."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import structlog

from portal_rag.domain import Consulted, Evidence, Portal, Query, State, Timer
from portal_rag.errors import (
    IndexUnavailableError,
    NotAllowedError,
    NotFoundError,
    PortalRagError,
    UpstreamError,
    UpstreamTimeoutError,
)
from portal_rag.evidence.finding import EvidenceSource, Finding
from portal_rag.evidence.merging import merge
from portal_rag.evidence.redacting import without_secrets

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """The sources of evidence and the time that each may take, in seconds.

    `withheld` names sources of the portal that were not opened, as nobody here may be shown them.
    """

    sources: Sequence[EvidenceSource]
    deadline_seconds: float
    timer: Timer
    withheld: Sequence[str] = ()

    async def gather(self, query: Query, portal: Portal) -> Evidence:
        """Collect what all sources find, without secrets, in the order of the sources."""
        asked = [self._ask(source, query, portal) for source in self.sources]
        return without_secrets(_together(await asyncio.gather(*asked)))

    def ask_nothing(self) -> Evidence:
        """Say that no source applies, for somebody who has no view of the portal."""
        names = (*(source.name for source in self.sources), *self.withheld)
        return Evidence(
            consulted=tuple(
                Consulted(source=name, state="not_applicable", took_ms=0) for name in names
            )
        )

    async def _ask(
        self, source: EvidenceSource, query: Query, portal: Portal
    ) -> tuple[Finding, Consulted]:
        started = self.timer()
        finding = Finding(state="timeout")
        try:
            with anyio.move_on_after(self.deadline_seconds):
                finding = await source.find(query, portal)
        except PortalRagError as error:
            finding = Finding(state=state_of(error))
            _log.warning("source_failed", source=source.name, error=error.message)
        took = round((self.timer() - started) * 1000)
        return finding, Consulted(source=source.name, state=_state(finding), took_ms=took)


def _together(found: Sequence[tuple[Finding, Consulted]]) -> Evidence:
    return Evidence(
        facts=tuple(fact for finding, _ in found for fact in finding.facts),
        contacts=tuple(fact for finding, _ in found for fact in finding.contacts),
        offers=tuple(fact for finding, _ in found for fact in finding.offers),
        passages=merge([passage for finding, _ in found for passage in finding.passages]),
        signals=next((finding.signals for finding, _ in found if finding.signals), None),
        dropped=sum(finding.dropped for finding, _ in found),
        consulted=tuple(consulted for _, consulted in found),
    )


def _state(finding: Finding) -> State:
    if finding.state:
        return finding.state
    return "ok" if finding.facts or finding.passages else "empty"


def state_of(error: PortalRagError) -> State:
    """Name a failure as the answer's `consulted` does.

    Raises:
        PortalRagError: it is not a failure of the source but of the question or of ourselves.
    """
    match error:
        case UpstreamTimeoutError():
            return "timeout"
        case UpstreamError(upstream_status=429):
            return "rate_limited"
        case NotAllowedError():
            return "forbidden"
        case UpstreamError() | IndexUnavailableError() | NotFoundError():
            return "unavailable"
    raise error

"""THE WAY OF A QUESTION: understand -> gather -> compose -> check -> assess. Nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

from portal_rag.composing import compose, without_portal
from portal_rag.confidence import assess, warn
from portal_rag.domain import (
    Answer,
    Clock,
    Consulted,
    Draft,
    Evidence,
    Portal,
    Query,
    Question,
    Statement,
    Timer,
)
from portal_rag.errors import NotAllowedError, NotFoundError, PortalRagError, UpstreamError
from portal_rag.evidence.gathering import Gathering, state_of
from portal_rag.grounding import check
from portal_rag.understanding import understand


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Answers questions; holds nothing that belongs to one asker."""

    gathering: Gathering
    clock: Clock
    timer: Timer
    make_id: Callable[[], str]

    async def answer(self, question: Question, portal: Portal) -> Answer:
        """Answer with what this asker's portal shows; a portal that fails is said in the answer."""
        started = self.timer()
        try:
            query = await understand(question, portal)
        except (NotAllowedError, NotFoundError, UpstreamError) as error:
            return self._unreachable(question, error, started)
        evidence = await self._evidence(query, portal)
        return self._answer(question, check(compose(query, evidence)), evidence)

    async def _evidence(self, query: Query, portal: Portal) -> Evidence:
        if query.purpose == "write" or query.choices or query.unknown_name:
            return Evidence()
        return await self.gathering.gather(query, portal)

    def _unreachable(self, question: Question, error: PortalRagError, started: float) -> Answer:
        took = round((self.timer() - started) * 1000)
        consulted = Consulted(source="catalog", state=state_of(error), took_ms=took)
        evidence = Evidence(consulted=(consulted,))
        return self._answer(question, without_portal(), evidence)

    def _answer(self, question: Question, draft: Draft, evidence: Evidence) -> Answer:
        now = self.clock()
        return Answer(
            id=self.make_id(),
            conversation_id=question.conversation_id or self.make_id(),
            status=draft.status,
            text=_text(draft),
            confidence=assess(draft, evidence, now),
            sources=draft.sources,
            warnings=warn(draft, evidence, now),
            consulted=evidence.consulted,
            follow_ups=draft.follow_ups,
        )


def _text(draft: Draft) -> str:
    return "\n\n".join(map(_cited, draft.statements))


def _cited(statement: Statement) -> str:
    """Put the citations at the end of the sentence, or of the line that leads a list or quote."""
    numbers = "".join(f" [{number}]" for number in statement.citations)
    lead, newline, rest = statement.text.partition("\n")
    end = lead[-1:] if lead[-1:] in (".", ":") else ""
    return lead.removesuffix(end) + numbers + end + newline + rest

"""THE WAY OF A QUESTION: understand -> gather -> compose -> check -> assess. Nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

from portal_rag.composing import compose, not_applicable, without_portal
from portal_rag.confidence import assess, warn
from portal_rag.domain import (
    Answer,
    Clock,
    Consulted,
    Draft,
    Evidence,
    NoPortal,
    Portal,
    Query,
    Question,
    Statement,
    Timer,
)
from portal_rag.errors import NotAllowedError, NotFoundError, PortalRagError, UpstreamError
from portal_rag.evidence.gathering import Gathering, state_of
from portal_rag.grounding import check
from portal_rag.trail import Answered, Trail, trail_of
from portal_rag.understanding import Understanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Answers questions; holds nothing that belongs to one asker."""

    understanding: Understanding
    gathering: Gathering
    clock: Clock
    timer: Timer
    make_id: Callable[[], str]

    async def answer(self, question: Question, portal: Portal | NoPortal) -> Answer:
        """Answer with what this asker's portal shows; a portal that fails is said in the answer."""
        return (await self.answer_with_trail(question, portal)).answer

    async def answer_with_trail(self, question: Question, portal: Portal | NoPortal) -> Answered:
        """Answer, and say beside it what operators may know of the way there."""
        if isinstance(portal, NoPortal):
            return await self._without_portal(question)
        started = self.timer()
        try:
            query = await self.understanding.understand(question, portal)
        except (NotAllowedError, NotFoundError, UpstreamError) as error:
            return Answered(answer=self._unreachable(question, error, started), trail=Trail())
        evidence = await self._evidence(query, portal)
        draft = check(compose(query, evidence))
        answer = self._answer(question, draft, evidence)
        return Answered(answer=answer, trail=trail_of(query, evidence, draft))

    async def _without_portal(self, question: Question) -> Answered:
        query = await self.understanding.understand_without_portal(question)
        evidence = Evidence() if query.purpose == "write" else self.gathering.ask_nothing()
        draft = not_applicable(query)
        answer = self._answer(question, draft, evidence)
        return Answered(answer=answer, trail=trail_of(query, evidence, draft))

    async def _evidence(self, query: Query, portal: Portal) -> Evidence:
        is_unknown = query.unknown_name and not query.subjects
        if query.purpose in ("write", "nothing") or query.choices or is_unknown:
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

"""THE WAY OF A QUESTION: understand -> gather -> compose -> check -> assess. Nothing else."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from portal_rag.composing import compose, not_applicable, without_portal
from portal_rag.confidence import assess, features_of, is_too_uncertain, kind_of, warn
from portal_rag.confidence.calibration import Calibration
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
from portal_rag.trail import Answered, Laps, Trail, trail_of
from portal_rag.understanding import Understanding


async def uncalibrated() -> None:
    """Stand for the calibration of an index that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """Answers questions; holds nothing that belongs to one asker.

    `calibration` gives the one that fits the index as it is now, if any does.
    """

    understanding: Understanding
    gathering: Gathering
    clock: Clock
    timer: Timer
    make_id: Callable[[], str]
    calibration: Callable[[], Awaitable[Calibration | None]] = uncalibrated

    async def answer(self, question: Question, portal: Portal | NoPortal) -> Answer:
        """Answer with what this asker's portal shows; a portal that fails is said in the answer."""
        return (await self.answer_with_trail(question, portal)).answer

    async def answer_with_trail(self, question: Question, portal: Portal | NoPortal) -> Answered:
        """Answer, and say beside it what operators may know of the way there."""
        if isinstance(portal, NoPortal):
            return await self._without_portal(question)
        started, laps = self.timer(), Laps(self.timer)
        try:
            query = await self.understanding.understand(question, portal)
        except (NotAllowedError, NotFoundError, UpstreamError) as error:
            return Answered(answer=await self._unreachable(question, error, started), trail=Trail())
        laps.end("understand")
        evidence = await self._evidence(query, portal)
        laps.end("gather")
        calibration = await self.calibration()
        composed = compose(query, evidence)
        laps.end("compose")
        draft = check(composed)
        laps.end("check")
        kind, features = kind_of(query, draft, evidence), features_of(query, draft, evidence)
        if is_too_uncertain(query, draft, evidence, calibration):
            evidence = replace(evidence, passages=(), set_aside=len(evidence.passages))
            draft = check(compose(query, evidence))
        answer = self._answer(query, draft, evidence, calibration)
        laps.end("assess")
        trail = trail_of(query, evidence, draft, laps.taken)
        return Answered(answer=answer, trail=replace(trail, judged_as=kind, judged_by=features))

    async def _without_portal(self, question: Question) -> Answered:
        query = await self.understanding.understand_without_portal(question)
        is_declined = query.purpose in ("write", "nothing")
        evidence = Evidence() if is_declined else self.gathering.ask_nothing()
        draft = not_applicable(query)
        answer = self._answer(query, draft, evidence, None)
        return Answered(answer=answer, trail=trail_of(query, evidence, draft))

    async def _evidence(self, query: Query, portal: Portal) -> Evidence:
        is_about_something = bool(query.subjects or query.selection)
        if query.purpose in ("write", "nothing"):
            return Evidence()
        if (query.choices or query.unknown_name) and not is_about_something:
            return Evidence()
        return await self.gathering.gather(query, portal)

    async def _unreachable(
        self, question: Question, error: PortalRagError, started: float
    ) -> Answer:
        took = round((self.timer() - started) * 1000)
        consulted = Consulted(source="catalog", state=state_of(error), took_ms=took)
        evidence = Evidence(consulted=(consulted,))
        query = await self.understanding.understand_without_portal(question)
        return self._answer(query, without_portal(), evidence, None)

    def _answer(
        self, query: Query, draft: Draft, evidence: Evidence, calibration: Calibration | None
    ) -> Answer:
        now = self.clock()
        return Answer(
            id=self.make_id(),
            conversation_id=query.question.conversation_id or self.make_id(),
            status=draft.status,
            text=_text(draft),
            confidence=assess(query, draft, evidence, calibration, now),
            sources=draft.sources,
            warnings=warn(query, draft, evidence, now),
            consulted=evidence.consulted,
            follow_ups=draft.follow_ups,
        )


def _text(draft: Draft) -> str:
    """Put statements apart, but those that are lines of one list together."""
    return "\n\n".join(map(_cited, draft.statements)).replace("\n\n- ", "\n- ")


def _cited(statement: Statement) -> str:
    """Put the citations at the end of the sentence, or of the line that leads a list or quote."""
    numbers = "".join(f" [{number}]" for number in statement.citations)
    lead, newline, rest = statement.text.partition("\n")
    end = lead[-1:] if lead[-1:] in (".", ":") else ""
    return lead.removesuffix(end) + numbers + end + newline + rest

"""Keeps account of questions: each is audited and counted exactly once, whatever becomes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import anyio

from portal_rag.audit import Audit
from portal_rag.domain import Question, Timer
from portal_rag.errors import AuditUnavailableError, PortalRagError
from portal_rag.metrics import Metrics
from portal_rag.principals import Principal
from portal_rag.trail import Answered, Ended

UNEXPECTED = "Error"
"""What a bug is called, as in the answer to the caller."""
CANCELLED = "Cancelled"
"""What a question is called that was given up, because the service ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """The audit log, None where it is switched off, and the metrics."""

    audit: Audit | None
    metrics: Metrics
    timer: Timer

    async def follow(
        self,
        principal: Principal,
        question: Question,
        answering: Callable[[], Awaitable[Answered]],
        *,
        request_id: str,
    ) -> Answered:
        """Let a question be answered; the answer is given only once it stands in the audit log.

        Raises:
            AuditUnavailableError: the audit log cannot be written.
        """
        started, answered, error_name = self.timer(), None, UNEXPECTED
        try:
            answered = await answering()
        except PortalRagError as error:
            error_name = error.recorded_as or error.name
            raise
        except anyio.get_cancelled_exc_class():
            error_name = CANCELLED
            raise
        finally:
            ended = Ended(
                principal=principal,
                question=question,
                request_id=request_id,
                took_ms=round((self.timer() - started) * 1000),
                answered=answered,
                error=None if answered else error_name,
            )
            self._record(ended)
        return answered

    def _record(self, ended: Ended) -> None:
        try:
            if self.audit:
                self.audit.write(ended)
        except AuditUnavailableError as error:
            ended = replace(ended, answered=None, error=error.name)
            raise
        finally:
            self.metrics.count(ended)

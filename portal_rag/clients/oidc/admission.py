"""Who may ask at all, where another authorization service than Backstage's policy decides it."""

import json
from dataclasses import dataclass
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from portal_rag.clients.oidc.transport import AUTHORIZATION, OidcTransport
from portal_rag.errors import AdmissionUnknownError, NotAllowedError, UpstreamError
from portal_rag.principals import ExternalSubject

_log = structlog.get_logger()


class _Decision(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    decision: bool


_ANSWER = TypeAdapter(Annotated[list[_Decision], Field(min_length=1, max_length=1)])


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectAdmission:
    """Asks whether a subject may do `action`, with its own token, anew for each question."""

    transport: OidcTransport
    action: str
    deadline_seconds: float

    async def check(self, subject: ExternalSubject) -> None:
        """Let the subject ask, or not.

        Raises:
            NotAllowedError: it may not.
            AdmissionUnknownError: this could not be found out in time.
        """
        try:
            is_allowed = await self._is_allowed(subject)
        except UpstreamError as error:
            _log.warning("ask_permission_unknown", error=error.message)
            raise AdmissionUnknownError(
                f"The authorization service did not say whether you may do {self.action}, so this"
                " question is not answered; please ask again"
            ) from error
        if not is_allowed:
            raise NotAllowedError(f"You need to be allowed {self.action} to ask here")

    async def _is_allowed(self, subject: ExternalSubject) -> bool:
        content = json.dumps([_evaluation(subject, self.action)]).encode()
        answer = await self.transport.evaluate(
            content, token=subject.token, deadline_seconds=self.deadline_seconds
        )
        try:
            (one,) = _ANSWER.validate_json(answer)
        except ValidationError as error:
            raise UpstreamError(AUTHORIZATION, "the answer is not one decision") from error
        return one.decision


def _evaluation(subject: ExternalSubject, action: str) -> dict[str, object]:
    """Ask about the assistant as a whole; a question belongs to no project of the other side."""
    return {
        "subject_context": {
            "type": subject.subject_type,
            "entitlement_claim": subject.entitlement_claim,
            "entitlement_values": list(subject.entitlement_values),
        },
        "resource": {
            "type": action.partition(":")[0],
            "id": "",
            "hierarchy": dict.fromkeys(("namespace", "project", "component", "resource")),
        },
        "action": action,
        "context": {},
    }

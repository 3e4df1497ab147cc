"""The audit log: one JSON line for each question, whatever became of it."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import quote

import structlog

from portal_rag.audit.sensitive import Sensitive
from portal_rag.audit.sinks import Sink
from portal_rag.corpus.redaction import redact
from portal_rag.domain import Clock
from portal_rag.errors import AuditUnavailableError
from portal_rag.principals import (
    ExternalSubject,
    LocalReader,
    PortalUser,
    Principal,
    RepresentedUser,
)
from portal_rag.trail import Answered, Ended, Trail

LOCAL = "local"
"""Who asks where there is no authentication."""
EXTERNAL = "oidc"
"""What the names begin with for which another identity provider vouches."""
NameUser = Callable[[str], str]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Says who asked about what; never an answer, a token or a header.

    `with_questions` adds the text of the question, without secrets. `name_user` writes a user.
    """

    sink: Sink
    name_user: NameUser
    sensitive: Sensitive
    with_questions: bool
    clock: Clock

    def write(self, ended: Ended) -> None:
        """Append the line of a question that came to its end.

        Raises:
            AuditUnavailableError: it cannot be written, and so the question must not be answered.
        """
        line = json.dumps(self._event(ended)) + "\n"
        try:
            self.sink.write(line.encode("ascii"))
        except OSError as error:
            _log.error("audit_not_written", error=error.strerror)
            raise AuditUnavailableError(
                "The audit log cannot be written, so this question is not answered;"
                " please tell the operators of portal-rag"
            ) from error

    def _event(self, ended: Ended) -> Mapping[str, Any]:
        trail = ended.answered.trail if ended.answered else Trail()
        return {
            "time": self.clock().astimezone(UTC).isoformat(timespec="milliseconds"),
            "event": "question",
            "requestId": ended.request_id,
            **_who(ended.principal, self.name_user),
            **_answered(ended.answered),
            "conversationId": _conversation_id(ended),
            "error": ended.error,
            **_about(ended, trail),
            "sensitive": self.sensitive.marks(ended.question.text, trail.cited_kinds),
            "tookMs": ended.took_ms,
            **({"question": redact(ended.question.text).text} if self.with_questions else {}),
        }


def hashed_with(key: str) -> NameUser:
    """Write users as pseudonyms: the same for the same key, and not undone without it."""

    def name_user(name: str) -> str:
        digest = hmac.new(key.encode(), name.encode(), hashlib.sha256)
        return f"hmac-sha256:{digest.hexdigest()[:32]}"

    return name_user


def _who(principal: Principal, name_user: NameUser) -> Mapping[str, str | None]:
    match principal:
        case PortalUser(user_ref=user_ref):
            return {"who": name_user(str(user_ref)), "through": None}
        case RepresentedUser(proof=proof, through=through):
            return {"who": name_user(str(proof.user_ref)), "through": through}
        case ExternalSubject():
            return {"who": name_user(_external(principal)), "through": None}
        case LocalReader():
            return {"who": LOCAL, "through": None}


def _external(subject: ExternalSubject) -> str:
    """Write a name that no other subject has, and no entity: a reference has a single colon."""
    return f"{EXTERNAL}:{quote(subject.subject_type, safe=' ')}:{subject.name}"


def _answered(answered: Answered | None) -> Mapping[str, Any]:
    if answered is None:
        return {"answerId": None, "status": None, "consulted": []}
    consulted = [
        {"source": one.source, "state": one.state, "tookMs": one.took_ms}
        for one in answered.answer.consulted
    ]
    return {
        "answerId": answered.answer.id,
        "status": answered.answer.status,
        "consulted": consulted,
    }


def _conversation_id(ended: Ended) -> str | None:
    if ended.answered:
        return ended.answered.answer.conversation_id
    return ended.question.conversation_id


def _about(ended: Ended, trail: Trail) -> Mapping[str, Any]:
    """Name the page only if it was read with the asker's rights: it may be hidden from them."""
    page = ended.question.entity_ref
    return {
        "entityRef": str(page) if page in trail.subjects else None,
        "intent": trail.intent,
        "topics": list(trail.topics),
        "entities": [str(ref) for ref in trail.subjects],
        "retrieved": list(trail.retrieved),
        "dropped": trail.dropped,
        "cited": list(trail.cited),
        "judgedAs": trail.judged_as,
        "judgedBy": {name: round(value, 4) for name, value in trail.judged_by.items()},
    }

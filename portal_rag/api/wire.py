"""What crosses the wire: requests are validated here, answers are written here (camelCase)."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.alias_generators import to_camel

from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.domain import Answer, Confidence, Consulted, FollowUp, Question, Source, Turn
from portal_rag.errors import InputError

LONGEST_QUESTION = 4000
LONGEST_TURN = 10_000
MOST_TURNS = 50
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, hide_input_in_errors=True
    )


class TurnBody(_Model):
    """An earlier message; system and tool messages are not accepted from a client."""

    role: Literal["user", "assistant"]
    content: Annotated[_Text, Field(max_length=LONGEST_TURN)]


class QuestionBody(_Model):
    """The body of `POST /v1/questions`."""

    question: Annotated[_Text, Field(max_length=LONGEST_QUESTION)]
    entity_ref: Annotated[str | None, Field(max_length=200)] = None
    conversation_id: Annotated[str | None, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")] = None
    history: Annotated[list[TurnBody], Field(max_length=MOST_TURNS)] = []


def parse_question(body: bytes) -> Question:
    """Read a request body.

    Raises:
        InputError: it is not JSON, or a field is missing, unknown or wrong; the message names it.
    """
    try:
        asked = QuestionBody.model_validate_json(body)
    except ValidationError as error:
        raise InputError(_explained(error)) from error
    return Question(
        text=asked.question,
        entity_ref=_entity_ref(asked.entity_ref),
        conversation_id=asked.conversation_id,
        history=tuple(Turn(role=turn.role, content=turn.content) for turn in asked.history),
    )


def _entity_ref(text: str | None) -> EntityRef | None:
    if text is None:
        return None
    try:
        return EntityRef.parse(text)
    except InputError as error:
        raise InputError(f"entityRef: {error.message}") from error


def _explained(error: ValidationError) -> str:
    """Name each wrong field and what was expected; the value itself is not repeated."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}" for problem in problems
    )


def to_wire(answer: Answer) -> dict[str, Any]:
    """Write an answer as the contract has it; the order of the keys is fixed."""
    body: dict[str, Any] = {
        "id": answer.id,
        "conversationId": answer.conversation_id,
        "status": answer.status,
        "answer": answer.text,
    }
    if answer.confidence:
        body["confidence"] = _confidence(answer.confidence)
    return body | {
        "sources": [_source(number, one) for number, one in enumerate(answer.sources, start=1)],
        "warnings": [
            {"code": one.code, "message": one.message, "sourceIds": list(one.source_ids)}
            for one in answer.warnings
        ],
        "consulted": [_consulted(one) for one in answer.consulted],
        "followUps": [_follow_up(one) for one in answer.follow_ups],
    }


def _confidence(confidence: Confidence) -> dict[str, Any]:
    """Write a probability only where there is one: without a calibration nothing is known."""
    known = confidence.probability is not None
    return {
        "level": confidence.level,
        **({"probability": round(confidence.probability or 0.0, 2)} if known else {}),
        "reasons": list(confidence.reasons),
    }


def _source(number: int, source: Source) -> dict[str, Any]:
    return {
        "id": number,
        "kind": source.kind,
        "title": source.title,
        "entityRef": str(source.entity_ref),
        "url": source.url,
        "fetchedAt": _instant(source.fetched_at),
        "modifiedAt": _instant(source.modified_at) if source.modified_at else None,
        "stale": source.stale,
        "excerpt": source.excerpt,
    }


def _consulted(one: Consulted) -> dict[str, Any]:
    return {"source": one.source, "state": one.state, "tookMs": one.took_ms}


def _follow_up(one: FollowUp) -> dict[str, Any]:
    if one.url is not None:
        return {"kind": "open", "label": one.label, "url": one.url}
    return {"kind": "ask", "label": one.label, "question": one.question}


def _instant(moment: datetime) -> str:
    """Write an instant as RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Each question is on record once, however it ends."""

import json

import anyio
import pytest

from portal_rag.audit import Audit
from portal_rag.audit.sensitive import SHIPPED
from portal_rag.metrics import Metrics
from portal_rag.principals import LocalReader
from portal_rag.recording import Recorder
from portal_rag.trail import Answered
from tests.factories import NOW, make_question


class Lines:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.events: list[dict[str, object]] = []

    def write(self, line: bytes) -> None:
        self.events.append(json.loads(line))

    def close(self) -> None: ...


def make_recorder(lines: Lines, metrics: Metrics) -> Recorder:
    audit = Audit(
        sink=lines, name_user=str, sensitive=SHIPPED, with_questions=True, clock=lambda: NOW
    )
    ticks = iter((10.0, 10.25))
    return Recorder(audit=audit, metrics=metrics, timer=lambda: next(ticks))


async def follow(recorder: Recorder, answering: object) -> None:
    assert callable(answering)
    question = make_question("Which \ud800 password?")
    await recorder.follow(LocalReader(), question, answering, request_id="one")


async def test_a_bug_is_on_record_as_an_error_without_its_details() -> None:
    lines, metrics = Lines(), Metrics()

    async def broken() -> Answered:
        raise ZeroDivisionError("a detail")

    with pytest.raises(ZeroDivisionError):
        await follow(make_recorder(lines, metrics), broken)
    (event,) = lines.events
    assert (event["status"], event["error"]) == (None, "Error")
    assert (event["time"], event["tookMs"]) == ("2026-06-09T14:05:00.000+00:00", 250)
    assert (event["sensitive"], event["requestId"]) == (["credentials"], "one")
    assert "a detail" not in json.dumps(event)
    assert b'outcome="Error"' in metrics.exposition()


async def test_a_question_that_is_given_up_is_on_record() -> None:
    lines, metrics = Lines(), Metrics()

    async def endless() -> Answered:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.move_on_after(0.01):
        await follow(make_recorder(lines, metrics), endless)
    assert [event["error"] for event in lines.events] == ["Cancelled"]
    assert b'outcome="Cancelled"' in metrics.exposition()

"""What Prometheus reads: counts of whole questions, and labels from closed sets alone."""

from pathlib import Path
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from portal_rag.domain import Intent, Level, State, Status
from portal_rag.errors import PortalRagError
from portal_rag.metrics import NO_LEVEL, UNKNOWN
from portal_rag.recording import CANCELLED, UNEXPECTED
from portal_rag.trail import Stage
from tests.fakes.backstage import FakeBackstage
from tests.portal_rag.recorded import HOW_TO, Recorded, post, recording, scraped
from tests.portal_rag.world import ask


def names_below(error: type[PortalRagError]) -> set[str]:
    return {error.recorded_as or error.name}.union(*map(names_below, error.__subclasses__()))


CLOSED = {
    "intent": {*get_args(Intent), UNKNOWN},
    "outcome": {*get_args(Status), *names_below(PortalRagError), UNEXPECTED, CANCELLED},
    "confidence": {*get_args(Level), NO_LEVEL},
    "source": {"catalog", "index", "search"},
    "state": set(get_args(State)),
    "stage": set(get_args(Stage)),
}


def samples(recorded: Recorded) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(recorded.metrics())
        for sample in family.samples
    }


def labelled(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_questions_sources_and_times_are_counted(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    with recording(portal, index, tmp_path / "audit.jsonl") as recorded:
        assert "portal_rag_gate_dropped_total 0.0" in recorded.metrics()
        ask(recorded.client, portal, "alice", "Who owns shop?")
        ask(recorded.client, portal, "alice", "Who owns shop?")
        ask(recorded.client, portal, "guest", HOW_TO)
        ask(recorded.client, portal, "guest", "Delete shop")
        told = samples(recorded)
    questions = "portal_rag_questions_total"
    facts = labelled(questions, intent="ownership", outcome="answered", confidence="high")
    assert told[facts] == 2
    assert told[labelled(questions, intent="write", outcome="declined", confidence="none")] == 1
    states = "portal_rag_source_states_total"
    assert told[labelled(states, source="index", state="not_applicable")] == 2
    assert told[labelled(states, source="index", state="ok")] == 1
    assert told[labelled("portal_rag_question_seconds_count")] == 4
    assert told[labelled("portal_rag_source_seconds_count", source="catalog")] == 3
    for stage in get_args(Stage):
        assert told[labelled("portal_rag_stage_seconds_count", stage=stage)] == 4


def test_what_the_gate_held_back_is_counted(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    with recording(portal, index, tmp_path / "audit.jsonl") as recorded:
        token, body = portal.user_token("user:default/dave"), {"question": HOW_TO}
        post(recorded.client, token, body)
        scorer = portal.entities["component:default/scorer"]
        portal.remove("component:default/scorer")
        post(recorded.client, token, body)
        portal.put(scorer)
        assert samples(recorded)[labelled("portal_rag_gate_dropped_total")] == 1


def test_the_answer_is_plain_text_of_prometheus(shared: Recorded) -> None:
    response = scraped(shared.client)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "portal_rag_questions_total" in response.text
    assert "_created" not in response.text


WORDS = st.sampled_from(
    [
        *("who owns", "what is", "delete", "on call", "runbook for", "restart", "depends on"),
        *("shop", "Scorer", "basket", "team-web", "component:default/scorer", "INC-117"),
        *("outcome", 'x"} 1', "\n", "#", "{}", "\u2028"),
    ]
)
ASKED = st.one_of(st.lists(WORDS, min_size=1, max_size=6).map(" ".join), st.text(max_size=60))
REFS = st.sampled_from(["component:default/shop", "component:default/scorer", "x:y/z"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(question=ASKED, page=st.none() | REFS, user=st.sampled_from(["guest", "alice", "carol"]))
def test_whatever_is_asked_labels_stay_within_closed_sets(
    portal: FakeBackstage, shared: Recorded, question: str, page: str | None, user: str
) -> None:
    token = portal.user_token(f"user:default/{user}")
    body = {"question": question, "entityRef": page, "conversationId": "shop"}
    post(shared.client, token, body)
    for _, labels in samples(shared):
        for name, value in labels:
            assert name == "le" or value in CLOSED[name]


def test_failures_are_counted_under_the_names_of_our_errors(
    portal: FakeBackstage, index: Path, tmp_path: Path
) -> None:
    hasty = {"PORTAL_RAG_QUESTION_TIMEOUT_SECONDS": "0.2"}
    with recording(portal, index, tmp_path / "audit.jsonl", **hasty) as recorded:
        held = portal.hold("/api/catalog")
        alice = portal.user_token("user:default/alice")
        post(recorded.client, alice, {"question": "Who owns shop?"})
        portal.mend()
        held.release()
        told = samples(recorded)
    labels = {"intent": "unknown", "outcome": "UpstreamTimeoutError", "confidence": "none"}
    assert told[labelled("portal_rag_questions_total", **labels)] == 1

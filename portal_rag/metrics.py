"""What Prometheus may read: counts and times, labelled from closed sets of our own words."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from portal_rag.domain import Consulted
from portal_rag.trail import Ended

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
UNKNOWN = "unknown"
"""The intent of a question that was not understood, because it or the portal failed before."""
NO_LEVEL = "none"
"""The confidence of what claims nothing."""
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, *_SECONDS)


class Metrics:
    """Counts questions. No label is ever taken from a question, a name or the portal."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._questions = Counter(
            "portal_rag_questions",
            "Questions by what they asked for, how they ended and how sure the answer was",
            ("intent", "outcome", "confidence"),
            registry=self._registry,
        )
        self._sources = Counter(
            "portal_rag_source_states",
            "Sources that were asked for evidence, by how that went",
            ("source", "state"),
            registry=self._registry,
        )
        self._dropped = Counter(
            "portal_rag_gate_dropped",
            "Passages that were found and did not pass the live permission check",
            registry=self._registry,
        )
        self._question_seconds = Histogram(
            "portal_rag_question_seconds",
            "Time that a question took, whatever became of it",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._source_seconds = Histogram(
            "portal_rag_source_seconds",
            "Time that a source took for one question",
            ("source",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stage_seconds = Histogram(
            "portal_rag_stage_seconds",
            "Time that a stage of an answer took",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=self._registry,
        )

    def count(self, ended: Ended) -> None:
        """Count a question that came to its end."""
        intent, outcome, confidence = _labels(ended)
        self._questions.labels(intent, outcome, confidence).inc()
        self._question_seconds.observe(ended.took_ms / 1000)
        if ended.answered:
            self._dropped.inc(ended.answered.trail.dropped)
            for one in ended.answered.answer.consulted:
                self._count_source(one)
            for stage, seconds in ended.answered.trail.stages:
                self._stage_seconds.labels(stage).observe(seconds)

    def _count_source(self, one: Consulted) -> None:
        self._sources.labels(one.source, one.state).inc()
        self._source_seconds.labels(one.source).observe(one.took_ms / 1000)

    def exposition(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(_WithoutCreated(self._registry))


class _WithoutCreated(Collector):
    """Leaves out when each number was begun: nobody needs to scrape that."""

    def __init__(self, collected: Collector) -> None:
        self._collected = collected

    def collect(self) -> Iterable[Metric]:
        for family in self._collected.collect():
            family.samples = [one for one in family.samples if not one.name.endswith("_created")]
            yield family


def _labels(ended: Ended) -> tuple[str, str, str]:
    if ended.answered is None:
        return UNKNOWN, ended.error or UNKNOWN, NO_LEVEL
    answer = ended.answered.answer
    level = answer.confidence.level if answer.confidence else NO_LEVEL
    return ended.answered.trail.intent or UNKNOWN, answer.status, level

"""Each user's questions to the whole portal, compared with a portal that holds only theirs."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.leakage.asking import Ask
from evals.leakage.battery import Try
from evals.leakage.judging import Leak, comparable, hidden_words, is_sure
from evals.leakage.worlds import Known, texts_of

_AT_ONCE = 3

Answers = Mapping[str, Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one user's tries; `unsure` had a source that failed and were not compared."""

    identity: str
    user: str
    tries: int = 0
    unsure: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    leaks: list[Leak] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What one user may see: a portal that holds only that, and the names of all the rest."""

    user: str
    hidden: Sequence[Known]
    phrases: Sequence[str]
    ask: Ask
    content: Path

    @property
    def words(self) -> list[str]:
        return [*(label for each in self.hidden for label in each.labels), *self.phrases]


def judged(world: World, tries: Sequence[Try], asks: Mapping[str, Ask]) -> list[Outcome]:
    """Put the same questions to each identity and to the user's own world; differences leak."""
    outcomes = {identity: Outcome(identity=identity, user=world.user) for identity in asks}
    visible = "\n".join(texts_of(world.content)).lower()
    for attempt, expected, answers in _answered(world.ask, tries, asks):
        for identity, answer in answers.items():
            outcome = outcomes[identity]
            outcome.tries += 1
            outcome.statuses[str(answer["status"])] += 1
            outcome.unsure += not (is_sure(answer) and is_sure(expected))
            told = _told(attempt, answer, expected, words=world.words, visible=visible)
            outcome.leaks += [Leak(user=world.user, attempt=attempt, what=what) for what in told]
    return list(outcomes.values())


def _answered(
    ask_own: Ask, tries: Sequence[Try], asks: Mapping[str, Ask]
) -> Iterator[tuple[Try, Mapping[str, Any], Answers]]:
    """Ask a few at once: nothing of one question may show in another."""

    def answered(attempt: Try) -> tuple[Try, Mapping[str, Any], Answers]:
        return attempt, ask_own(attempt), {name: ask(attempt) for name, ask in asks.items()}

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(answered, tries)


def _told(
    attempt: Try,
    answer: Mapping[str, Any],
    expected: Mapping[str, Any],
    *,
    words: Collection[str],
    visible: str,
) -> Iterator[str]:
    for word in hidden_words(answer, attempt, words, visible):
        yield f"says {word!r}"
    if is_sure(answer) and is_sure(expected) and comparable(answer) != comparable(expected):
        yield "differs"

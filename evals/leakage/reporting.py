"""What the leak matrix found, line by line and in all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import click

from evals.leakage.judging import told
from evals.leakage.matrix import Outcome, World
from evals.leakage.timing import Timing
from evals.leakage.worlds import Known, texts_of

_MOST_SHOWN = 20
_SHORTEST_NAME = 5
"""Shorter ones, such as `risk`, are also words."""


@dataclass(slots=True, kw_only=True)
class Report:
    """Counts; each line is printed as it comes."""

    tries: int = 0
    unsure: int = 0
    leaks: int = 0
    other: list[str] = field(default_factory=list)

    def add(self, phase: str, hidden: int, outcomes: Sequence[Outcome]) -> None:
        """Take in what came of one user's tries."""
        for outcome in outcomes:
            self.tries += outcome.tries
            self.unsure += outcome.unsure
            self.leaks += len(outcome.leaks)
            statuses = ", ".join(f"{n} {status}" for status, n in outcome.statuses.most_common())
            click.echo(
                f"{phase}, {outcome.identity}, {outcome.user}: {hidden} entities hidden,"
                f" {outcome.tries} tries ({statuses}), {outcome.unsure} not compared,"
                f" {len(outcome.leaks)} leaks"
            )
            for leak in outcome.leaks[:_MOST_SHOWN]:
                click.echo(f"  LEAK {leak.what}: {leak.attempt}", err=True)

    def add_timing(self, identity: str, user: str, timing: Timing) -> None:
        """Take in how times compare."""
        hidden_ms, missing_ms = timing.medians_ms
        line = (
            f"times, {identity}, {user}: {hidden_ms:.0f} ms where things are hidden,"
            f" {missing_ms:.0f} ms where they are not there, longer in {timing.slower:.0%} of"
            f" comparisons ({len(timing.hidden)} tries; 50% tells nothing)"
        )
        click.echo(line)
        if timing.tells:
            self.other.append(line)

    def search_log(self, what: str, text: str, everything: Mapping[str, Known]) -> None:
        """Look for names in a log or in metrics, which should hold nobody's."""
        names = [each.name for each in everything.values() if len(each.name) >= _SHORTEST_NAME]
        self._tell(what, [name for name in names if name.lower() in text.lower()])

    def search_audit(self, phase: str, lines: str, world: World) -> None:
        """Look in the audit lines of one user's questions for what is hidden from that user."""
        click.echo(f"{phase}, {world.user}: {len(lines.splitlines())} lines of the audit log read")
        visible = "\n".join(texts_of(world.content)).lower()
        self._tell(f"{phase}, the audit log of {world.user}", told(lines, world.words, visible))

    def _tell(self, what: str, names: Iterable[str]) -> None:
        found = ", ".join(names)
        if found:
            self.other.append(f"{what} names {found}")

    def end(self) -> int:
        """Print the sum; gives the exit code."""
        click.echo(f"in all: {self.tries} tries, {self.unsure} not compared, {self.leaks} leaks")
        for line in self.other:
            click.echo(f"LEAK: {line}", err=True)
        return 1 if self.leaks or self.other else 0

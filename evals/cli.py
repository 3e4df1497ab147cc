"""`portal-evals`: golden sets, intents, retrieval and calibration, a command each."""

import sys
from typing import Any

import click

from evals.backstage import BackstageError
from evals.calibrating.answerability import DataMissingError
from evals.calibrating.commands import UnlikeIndexesError, answerability, calibrate
from evals.calibrating.learning import TooFewLabelsError
from evals.golden_set.asking import AskingError
from evals.golden_set.cases import GoldenSetError
from evals.golden_set.commands import compare_runs, harvest, lint_cases, report
from evals.golden_set.records import RecordError
from evals.golden_set.run_command import run
from evals.golden_set.serving import ServingError
from evals.intents import intent_vectors, intents
from evals.retrieval_bench.collections import CollectionError
from evals.retrieval_bench.command import retrieval

BAD_INPUT = 2
_EXPECTED = (
    AskingError,
    BackstageError,
    CollectionError,
    DataMissingError,
    GoldenSetError,
    RecordError,
    ServingError,
    TooFewLabelsError,
    UnlikeIndexesError,
)


class _Program(click.Group):
    """Turns the errors that are raised on purpose into a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except _EXPECTED as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(BAD_INPUT)


@click.group(cls=_Program)
def main() -> None:
    """Measure answers: ask golden questions, judge, gate, compare.

    Exit codes: 0 all is well, 1 a gate or a comparison failed or lint found something, 2 bad
    input, or nothing could be asked.
    """


_COMMANDS = (
    lint_cases,
    run,
    compare_runs,
    report,
    harvest,
    intents,
    intent_vectors,
    calibrate,
    answerability,
    retrieval,
)
for _command in _COMMANDS:
    main.add_command(_command)


if __name__ == "__main__":
    main()

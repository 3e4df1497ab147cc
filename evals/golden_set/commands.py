"""The commands that ask nobody: lint, compare, report, harvest."""

import sys
from collections import Counter
from pathlib import Path

import click

from evals.golden_set.cases import load_cases
from evals.golden_set.comparing import Comparison, compare
from evals.golden_set.harvest import drafts, format_drafts, read_feedback
from evals.golden_set.linting import lint, read_corpus
from evals.golden_set.records import read_record
from evals.golden_set.report.page import render

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("lint")
@click.argument("golden", nargs=-1, required=True, type=FILE)
@click.option("--content", type=FOLDER, help="The portal of files that the cases are about.")
def lint_cases(golden: tuple[Path, ...], content: Path | None) -> None:
    """Look for faults in the cases of the files GOLDEN; exit 1 if there are any.

    With --content the sources that cases name must exist there, and at most three questions may
    differ in nothing but a name.
    """
    cases = load_cases(golden)
    problems = list(lint(cases, read_corpus(content) if content else None))
    for problem in problems:
        click.echo(problem)
    outcomes = Counter(case.expect.outcome for case in cases)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    click.echo(f"{len(cases)} cases ({counted}), {len(problems)} problems")
    sys.exit(1 if problems else 0)


@click.command("compare")
@click.argument("older", type=FILE)
@click.argument("newer", type=FILE)
@click.option("--html", type=_NEW_FILE, help="Also write the report of NEWER with the flips.")
def compare_runs(older: Path, newer: Path, html: Path | None) -> None:
    """Compare the runs OLDER and NEWER (run.json) case by case.

    Exits 1 if a critical case that passed fails or is gone, or if the share of passed cases fell
    and its 95 % interval lies below zero.
    """
    record = read_record(newer)
    comparison = compare(read_record(older), record)
    _show(comparison)
    if html:
        html.write_text(render(record, comparison), encoding="utf-8")
    sys.exit(1 if comparison.failures else 0)


def _show(comparison: Comparison) -> None:
    for flip in comparison.flips:
        mark = " (critical)" if flip.critical else ""
        click.echo(f"{flip.turned:6} {flip.case_id}{mark}: {flip.question}")
        for why in flip.why:
            click.echo(f"         {why}")
    for name, delta in comparison.deltas.items():
        click.echo(
            f"{name:22} {delta.value:+7.1%} [{delta.low:+.1%}, {delta.high:+.1%}]"
            f" p={delta.p_value:.3f} n={delta.count}"
        )
    for title, names in (
        ("not asked any more", comparison.lost),
        ("new", comparison.added),
        ("changed, not compared", comparison.changed),
    ):
        if names:
            click.echo(f"{title}: {', '.join(names)}")
    for failure in comparison.failures:
        click.secho(f"FAILED: {failure}", fg="red", err=True)


@click.command()
@click.argument("record", metavar="RUN", type=FILE)
@click.option("--against", type=FILE, help="An older run.json, to show what flipped.")
@click.option("--out", type=_NEW_FILE, help="Where to write; default: report.html beside RUN.")
def report(record: Path, against: Path | None, out: Path | None) -> None:
    """Write RUN (run.json) as one self-contained HTML file."""
    read = read_record(record)
    comparison = compare(read_record(against), read) if against else None
    target = out or record.with_name("report.html")
    target.write_text(render(read, comparison), encoding="utf-8")
    click.echo(str(target))


@click.command()
@click.argument("feedback", type=FILE)
@click.option("--out", type=_NEW_FILE, help="A file for the drafts; default: standard output.")
def harvest(feedback: Path, out: Path | None) -> None:
    r"""Turn the disliked answers of FEEDBACK (JSON lines) into drafts of cases.

    \b
    Each line: question, rating (up or down) and answerId; and, where known,
    entityRef, asker, comment, status and sources (kind, entityRef, url).
    """
    rows = list(drafts(read_feedback(feedback)))
    text = format_drafts(rows)
    if out:
        out.write_text(text, encoding="utf-8")
        click.echo(f"{len(rows)} drafts in {out}")
    else:
        click.echo(text, nl=False)

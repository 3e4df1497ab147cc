"""The command that asks: run."""

import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from evals.golden_set.asking import TokenOf, nobody_signs_in, token_command
from evals.golden_set.cases import Case, load_cases
from evals.golden_set.commands import FILE, FOLDER
from evals.golden_set.gates import DEFAULT_GATES, load_gates
from evals.golden_set.junit import write_junit
from evals.golden_set.records import CaseRecord, RunRecord, write_record
from evals.golden_set.report.page import render
from evals.golden_set.running import run_cases
from evals.golden_set.serving import Served, served_at, served_from_backstage, served_from_files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How to get at a service: a URL with a sign-in, or files to make one of."""

    url: str | None
    token_command: str | None
    auth: Literal["none"] | None
    audit_log: Path | None
    content: Path | None
    portal: bool
    sees_everything: tuple[str, ...]

    @contextmanager
    def open(self) -> Iterator[Served]:
        self._check()
        with tempfile.TemporaryDirectory() as name:
            if self.url:
                token_of: TokenOf = nobody_signs_in
                if self.token_command:
                    token_of = token_command(self.token_command)
                opened = served_at(self.url, token_of, self.audit_log)
            elif self.portal:
                opened = served_from_backstage(self._files(), Path(name))
            else:
                opened = served_from_files(self._files(), Path(name), self.sees_everything)
            with opened as served:
                yield served

    def _files(self) -> Path:
        if self.content is None:
            raise click.UsageError("Name a service with --url, or files with --content.")
        return self.content

    def _check(self) -> None:
        if bool(self.url) == bool(self.content):
            raise click.UsageError("Name either a service with --url, or files with --content.")
        if self.url and bool(self.token_command) == bool(self.auth):
            raise click.UsageError("Say how askers sign in: --token-command, or --auth none.")
        if self.url and self.portal:
            raise click.UsageError("--portal starts a Backstage over --content, not over --url.")


@click.command()
@click.argument("golden", nargs=-1, required=True, type=FILE)
@click.option("--url", help="A running service.")
@click.option("--token-command", help="Prints the token of {user} (or {ref}), for --url.")
@click.option("--auth", type=click.Choice(["none"]), help="none: the service wants no token.")
@click.option("--audit-log", type=FILE, help="That of the service: intent and entity accuracy.")
@click.option("--content", type=FOLDER, help="A portal of files to index and serve.")
@click.option("--portal", is_flag=True, help="Serve --content by a real Backstage, with its users.")
@click.option(
    "--sees-everything",
    multiple=True,
    metavar="REF",
    help="Without --portal: an asker who may read all of --content; other askers are skipped.",
)
@click.option("--tag", "tags", multiple=True, help="Only cases with this tag.")
@click.option("--case", "ids", multiple=True, metavar="ID", help="Only this case.")
@click.option("--gates", type=FILE, help="Default: evals/golden/gates.yaml, if all cases are run.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="A folder.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
def run(
    *,
    golden: tuple[Path, ...],
    tags: tuple[str, ...],
    ids: tuple[str, ...],
    gates: Path | None,
    out: Path | None,
    junit: Path | None,
    **way: Any,
) -> None:
    """Ask the cases of the files GOLDEN, each as its asker, and judge the answers.

    Exits 1 if a gate is broken. --out gets run.json and report.html.
    """
    cases = _selected(load_cases(golden), tags, ids)
    bounds = _bounds(gates, is_whole=not (tags or ids))
    with _Way(**way).open() as served:
        record = run_cases(
            cases, served, run_id=uuid.uuid4().hex, golden=golden, gates=bounds, tell=_tell
        )
    if out:
        out.mkdir(parents=True, exist_ok=True)
        write_record(record, out / "run.json")
        (out / "report.html").write_text(render(record), encoding="utf-8")
    if junit:
        junit.parent.mkdir(parents=True, exist_ok=True)
        write_junit(record, junit)
    _show(record)
    sys.exit(0 if all(gate.holds for gate in record.gates) else 1)


def _selected(
    cases: Sequence[Case], tags: tuple[str, ...], ids: tuple[str, ...]
) -> tuple[Case, ...]:
    chosen = tuple(
        case
        for case in cases
        if (not tags or set(tags) & set(case.tags)) and (not ids or case.id in ids)
    )
    if not chosen:
        raise click.UsageError("No case has that tag or id.")
    return chosen


def _bounds(gates: Path | None, *, is_whole: bool) -> Mapping[str, float]:
    if gates:
        return load_gates(gates)
    return load_gates(DEFAULT_GATES) if is_whole else {}


def _tell(each: CaseRecord) -> None:
    if each.passed is False:
        mark = " (critical)" if each.case.critical else ""
        click.echo(f"failed {each.case.id}{mark}: {each.case.question}")
        for note in each.notes:
            click.echo(f"       {note}")


def _show(record: RunRecord) -> None:
    gates = {gate.metric: gate for gate in record.gates}
    click.echo()
    for name in dict.fromkeys([*record.metrics, *gates]):
        metric, gate = record.metrics.get(name), gates.get(name)
        value = f"{metric.value:8.4g}" if metric else "       -"
        interval = ""
        if metric and metric.low is not None and metric.high is not None:
            interval = f"[{metric.low:.3f}, {metric.high:.3f}]"
        bound = f"gate {gate.bound:g}: {'holds' if gate.holds else 'BROKEN'}" if gate else ""
        count = f"n={metric.count}" if metric else "not measured"
        click.echo(f"{name:36}{value}  {interval:16} {count:12} {bound}".rstrip())
    passed = sum(bool(each.passed) for each in record.cases)
    skipped = [each for each in record.cases if each.passed is None]
    click.echo(f"\n{passed} of {len(record.asked)} cases passed, {len(skipped)} skipped")
    if skipped:
        click.echo(f"skipped: {skipped[0].skipped}, for example ({skipped[0].case.id})")

"""`python -m evals.leakage`: the leak matrix, over a running Backstage and its files."""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from evals.leakage.battery import Try, sample, tries_about
from evals.leakage.matrix import Outcome, asking, full_service, judged, opened, reduced_service
from evals.leakage.worlds import Known, listed

_USERS = ("guest", "alice", "bob", "dave")
_WORDS = ("payments", "fraud score threshold")


@click.command()
@click.argument("content", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--portal-url", default="http://127.0.0.1:7007", show_default=True)
@click.option("--service-token", default="example-indexer-token", show_default=True)
@click.option(
    "--token-command",
    default="deploy/backstage/backend/token.sh {user}",
    show_default=True,
    help="Prints a user's Backstage token.",
)
@click.option("--user", "users", multiple=True, default=_USERS, show_default=True)
@click.option("--phrase", "phrases", multiple=True, default=("canary-phrase-magenta-otter",))
@click.option("--tries", default=10_000, show_default=True, help="At most so many for each user.")
@click.option("--seed", default=1, show_default=True)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="For the service.")
def main(*, settings: Sequence[str], **given: Any) -> None:
    """Ask about all that is hidden, as each user; exit 1 if anything of it shows.

    CONTENT is the folder of files that the portal at --portal-url serves. What is hidden is what
    the portal lists for the service token but not for the user.
    """
    plan = _Plan(**given)
    environ = {
        "PORTAL_RAG_BACKSTAGE_URL": plan.portal_url,
        "PORTAL_INDEX_BACKSTAGE_TOKEN": plan.service_token,
        **dict(each.split("=", 1) for each in settings),
    }
    everything = listed(plan.portal_url, plan.service_token)
    outcomes = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with full_service(environ, folder, log=folder / "service.log") as url:
            for user in plan.users:
                outcomes.append(_try_user(user, plan, everything, url, folder))
                _show(outcomes[-1])
        in_log = _hidden_in_log(folder / "service.log", everything, plan.phrases)
    _end(outcomes, in_log)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    content: Path
    portal_url: str
    service_token: str
    token_command: str
    users: Sequence[str]
    phrases: Sequence[str]
    tries: int
    seed: int


def _try_user(
    user: str, plan: _Plan, everything: Mapping[str, Known], url: str, folder: Path
) -> Outcome:
    token = _token(plan.token_command, user)
    visible = listed(plan.portal_url, token)
    hidden = [each for ref, each in everything.items() if ref not in visible]
    with (
        opened(url) as client,
        reduced_service(plan.content, folder, user, visible) as (reduced, portal),
        opened(reduced) as reduced_client,
    ):
        return judged(
            user,
            sample(_tries(hidden), plan.tries, plan.seed),
            ask=asking(client, token),
            ask_reduced=asking(reduced_client, None),
            hidden=hidden,
            phrases=plan.phrases,
            visible_content=portal,
        )


def _tries(hidden: Sequence[Known]) -> list[Try]:
    return [attempt for entity in hidden for attempt in tries_about(entity, _WORDS)]


def _token(command: str, user: str) -> str:
    words = shlex.split(command.format(user=user))
    finished = subprocess.run(words, check=True, capture_output=True, text=True)
    return finished.stdout.strip()


def _hidden_in_log(log: Path, everything: Mapping[str, Known], phrases: Sequence[str]) -> list[str]:
    """Find names in the log of the service, which should hold none of anybody's."""
    text = log.read_text(encoding="utf-8").lower()
    names = [*(each.name for each in everything.values()), *phrases]
    return [name for name in names if len(name) > len("risk") and name.lower() in text]


def _show(outcome: Outcome) -> None:
    statuses = ", ".join(f"{count} {status}" for status, count in outcome.statuses.most_common())
    click.echo(
        f"{outcome.user}: {outcome.hidden} entities hidden, {outcome.tries} tries"
        f" ({statuses}), {outcome.unsure} not compared, {len(outcome.leaks)} leaks"
    )
    for leak in outcome.leaks[:20]:
        click.echo(f"  LEAK {leak.what}: {leak.attempt}", err=True)


def _end(outcomes: Sequence[Outcome], in_log: Sequence[str]) -> None:
    tries, unsure = sum(each.tries for each in outcomes), sum(each.unsure for each in outcomes)
    leaks = sum(len(each.leaks) for each in outcomes)
    click.echo(f"in all: {tries} tries, {unsure} not compared, {leaks} leaks")
    if in_log:
        click.echo(f"LEAK into the log of the service: {', '.join(in_log)}", err=True)
    sys.exit(1 if leaks or in_log else 0)


if __name__ == "__main__":
    main()

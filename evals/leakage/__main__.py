"""`python -m evals.leakage`: the leak matrix, over a real Backstage and its files."""

import shutil
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from evals.backstage import SERVICE_TOKEN, Portal, run_portal
from evals.leakage.asking import Ask, WholePortal, asking, reduced_portal, whole_portal
from evals.leakage.battery import Try, sample, tries_about
from evals.leakage.matrix import World, judged
from evals.leakage.reporting import Report
from evals.leakage.revoking import revoked
from evals.leakage.timing import timed
from evals.leakage.worlds import Known, listed, reduce_content
from evals.serving import index_again_and_again

_USERS = ("guest", "alice", "bob", "dave")
_IDENTITIES = ("forward", "plugin")
_WORDS = ("payments", "fraud score threshold")
_REVOKED = ("component:default/notification-service", "component:default/cart-service")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    content: Path
    users: Sequence[str]
    identities: Sequence[str]
    phrases: Sequence[str]
    tries: int
    changing_tries: int
    timed_users: Sequence[str]
    timed_tries: int
    seed: int


@click.command()
@click.argument("content", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--portal-url", help="A running Backstage over CONTENT; else one is started.")
@click.option("--plugin-port", default=8007, help="Where that one looks for the plugin.")
@click.option("--user", "users", multiple=True, default=_USERS, show_default=True)
@click.option("--identity", "identities", multiple=True, default=_IDENTITIES, show_default=True)
@click.option("--phrase", "phrases", multiple=True, default=("canary-phrase-magenta-otter",))
@click.option("--tries", default=900, show_default=True, help="At most so many for each user.")
@click.option("--changing-tries", default=100, show_default=True, help="While something changes.")
@click.option("--timed-user", "timed_users", multiple=True, default=("guest", "alice"))
@click.option("--timed-tries", default=150, show_default=True, help="For each of these users.")
@click.option("--seed", default=1, show_default=True)
def main(*, portal_url: str | None, plugin_port: int, **given: Any) -> None:
    """Ask about all that is hidden, as each user; exit 1 if anything of it shows.

    CONTENT is a portal of files. What is hidden is what Backstage lists for the indexer but not
    for the user. A Backstage that was started here also takes rights away while it is asked; and
    another one, without all that is hidden, tells whether times differ.
    """
    plan = _Plan(**given)
    report = Report()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        content = folder / "content"
        shutil.copytree(plan.content, content)
        if portal_url:
            portal = Portal(portal_url, SERVICE_TOKEN, plugin_port)
        else:
            portal = stack.enter_context(run_portal(content, folder / "run"))
        whole = stack.enter_context(
            whole_portal(portal, folder, model=folder / "model", identities=plan.identities)
        )
        matrix = _Matrix(plan, portal, whole, folder, report)
        matrix.everyday(content)
        if not portal_url:
            matrix.compare_times(content)
            matrix.changing(content)
        matrix.search_logs()
    sys.exit(report.end())


class _Matrix:
    def __init__(
        self, plan: _Plan, portal: Portal, whole: WholePortal, folder: Path, report: Report
    ) -> None:
        self._plan = plan
        self._portal = portal
        self._whole = whole
        self._folder = folder
        self._report = report

    def everyday(self, content: Path) -> None:
        """Ask all there is to ask while nothing changes."""
        for user in self._plan.users:
            with self._world(user, content, "everyday") as world:
                self._try(world, "everyday", self._plan.tries)

    def compare_times(self, content: Path) -> None:
        """Ask a Backstage that hides things, and one in which they are not there."""
        for user in self._plan.timed_users:
            visible, hidden = self._seen_by(user)
            tries = sample(_tries(hidden), self._plan.timed_tries, self._plan.seed)
            with self._without(content, user, visible) as asks:
                for identity, ask in self._asks(user).items():
                    self._report.add_timing(identity, user, timed(tries, ask, asks[identity]))

    @contextmanager
    def _without(
        self, content: Path, user: str, visible: Collection[str]
    ) -> Iterator[Mapping[str, Ask]]:
        """Run a Backstage of what a user sees, and of the locations that it is read from."""
        folder = self._folder / f"without-{user}"
        everything = listed(self._portal.url, self._portal.service_token)
        locations = {ref for ref in everything if ref.startswith("location:")}
        reduce_content(content, folder / "content", {*visible, *locations})
        with ExitStack() as stack:
            portal = stack.enter_context(run_portal(folder / "content", folder / "run"))
            model, identities = self._folder / "model", self._plan.identities
            whole = stack.enter_context(
                whole_portal(portal, folder, model=model, identities=identities)
            )
            yield _asks(whole, portal.user_token(user))

    def changing(self, content: Path) -> None:
        """Hide entities that the index still shows; then ask while it is being made again."""
        with revoked(self._portal, content, _REVOKED), ExitStack() as stack:
            worlds = [
                stack.enter_context(self._world(user, content, "revoked"))
                for user in self._plan.users
            ]
            for world in worlds:
                self._try(world, "after revocation", self._plan.changing_tries, only=_REVOKED)
            with index_again_and_again(
                self._whole.environ, "run", "--source", "backstage", "--rebuild"
            ):
                for world in worlds:
                    self._try(world, "during reindex", self._plan.changing_tries)

    def search_logs(self) -> None:
        """Look for names where there should be none of anybody."""
        everything = listed(self._portal.url, self._portal.service_token)
        for door in self._whole.doors:
            self._report.search_log(door.log.name, door.log.read_text(encoding="utf-8"), everything)
            self._report.search_log(f"{door.identity}: /metrics", door.metrics(), everything)

    @contextmanager
    def _world(self, user: str, content: Path, phase: str) -> Iterator[World]:
        visible, hidden = self._seen_by(user)
        with reduced_portal(content, self._folder, f"{phase}-{user}", visible) as (ask, files):
            yield World(
                user=user, hidden=hidden, phrases=self._plan.phrases, ask=ask, content=files
            )

    def _seen_by(self, user: str) -> tuple[Collection[str], Sequence[Known]]:
        """Give the references that a user sees, and what is hidden from that user."""
        everything = listed(self._portal.url, self._portal.service_token)
        visible = listed(self._portal.url, self._portal.user_token(user))
        return visible, [each for ref, each in everything.items() if ref not in visible]

    def _try(self, world: World, phase: str, count: int, only: Sequence[str] | None = None) -> None:
        about = [each for each in world.hidden if only is None or each.ref in only]
        drawn = sample(_tries(about), count, self._plan.seed)
        before = [door.audit.stat().st_size for door in self._whole.doors]
        self._report.add(phase, len(world.hidden), judged(world, drawn, self._asks(world.user)))
        for door, size in zip(self._whole.doors, before, strict=True):
            lines = door.audit.read_bytes()[size:].decode("utf-8")
            self._report.search_audit(f"{phase}, {door.identity}", lines, world)

    def _asks(self, user: str) -> Mapping[str, Ask]:
        return _asks(self._whole, self._portal.user_token(user))


def _asks(whole: WholePortal, token: str) -> Mapping[str, Ask]:
    return {door.identity: asking(door.client, token) for door in whole.doors}


def _tries(about: Iterable[Known]) -> list[Try]:
    return [attempt for entity in about for attempt in tries_about(entity, _WORDS)]


if __name__ == "__main__":
    main()

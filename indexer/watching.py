"""What watching a portal is made of: runs, and the ways in which hints of changes come."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from indexer.hinting import Hints
from indexer.hints_api import create_hints_app, serving
from indexer.listening import Listener
from indexer.opening import BACKSTAGE, open_events
from indexer.repeating import Rhythm, Run, repeat, stop_on_signals, together
from indexer.report import RunReport
from indexer.running import Order, Runner, Surroundings
from indexer.settings import Address, IndexerSettings
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.settings import WHERE_DOCUMENTED
from portal_rag.errors import ConfigurationError, PortalRagError

Show = Callable[[RunReport, EntityRef | None], None]
Notice = Callable[[str], None]


async def watch_portal(
    order: Order,
    *,
    interval_seconds: float,
    address: Address | None,
    surroundings: Surroundings,
    show: Show,
    notice: Notice,
) -> None:
    """Run at intervals, give or take a tenth, and for hints, until SIGTERM or SIGINT.

    `address` takes the place of the one in the settings; `show` is given each report, and the
    entity that its run was limited to.

    Raises:
        ConfigurationError: a setting is missing or wrong, or the address is taken.
    """
    watch = _Watch(
        order=order, surroundings=surroundings, settings=surroundings.load_settings(), notice=notice
    )
    stop = stop_on_signals()
    async with AsyncExitStack() as stack:
        listener = await watch.open_listener(stack)
        await watch.serve(address or watch.settings.hints_address, stack)
        runs = repeat(watch.runs(show), hints=watch.hints, rhythm=watch.rhythm(interval_seconds))
        await together([runs, *([listener.listen()] if listener else [])], stop=stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """What the parts share."""

    order: Order
    surroundings: Surroundings
    settings: IndexerSettings
    notice: Notice
    hints: Hints = field(default_factory=Hints)

    def rhythm(self, interval_seconds: float) -> Rhythm:
        return Rhythm(
            interval_seconds=lambda: interval_seconds * (0.9 + 0.2 * self.surroundings.random()),
            hint_pause_seconds=self.settings.hints_pause_seconds,
            seconds=self.surroundings.seconds,
            sleep=asyncio.sleep,
        )

    def runs(self, show: Show) -> Run:
        runner = Runner(self.surroundings)

        async def run(entity: EntityRef | None) -> None:
            if entity:
                self.notice(f"hint: {entity}")
            try:
                show(await runner.run(replace(self.order, only=entity)), entity)
            except ConfigurationError:
                raise
            except PortalRagError as error:
                self.notice(f"error: {error.message}")

        return run

    async def open_listener(self, stack: AsyncExitStack) -> Listener | None:
        if not self.settings.topics_heard:
            return None
        if BACKSTAGE not in self.order.sources:
            raise ConfigurationError(
                "PORTAL_INDEX_EVENT_TOPICS is for --source backstage; add it, or unset the variable"
                f" ({WHERE_DOCUMENTED})"
            )
        return Listener(
            await open_events(self.settings, stack),
            self.hints,
            sleep=asyncio.sleep,
            random=self.surroundings.random,
            notice=self.notice,
        )

    async def serve(self, address: Address | None, stack: AsyncExitStack) -> None:
        """Take hints over HTTP, where an address is given."""
        if address is None:
            return
        tokens = self.settings.hints_tokens
        if not tokens:
            raise ConfigurationError(
                "taking hints needs PORTAL_INDEX_HINTS_TOKEN, a long random text that those who"
                f" post hints know ({WHERE_DOCUMENTED})"
            )
        app = create_hints_app(self.hints, tokens=tokens)
        actual = await stack.enter_async_context(serving(app, address))
        self.notice(f"hints are taken at http://{actual}")

"""How a question goes to the portal under permissions: how long it takes, and who is asked."""

import itertools
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from evals.bench.permission_cases import OWNERS
from evals.bench.permission_stub import Asked, Reader, Stub
from evals.bench.permission_world import World, question, ref_of
from evals.bench.timing import spread
from portal_rag.backstage.catalog import CatalogClient
from portal_rag.backstage.document_permissions import ONLY_CATALOG, Wanted
from portal_rag.backstage.permission import Decision, PermissionClient
from portal_rag.backstage.search import SearchClient
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.clients.backstage_portal import BackstagePortal
from portal_rag.clients.credentials import UserCache, UserKey
from portal_rag.clients.plugin_portal import PluginPortal
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.freshness import Freshness
from portal_rag.domain import Listing, Portal, Query, Question
from portal_rag.evidence.catalog import CatalogFacts
from portal_rag.evidence.gathering import Gathering
from portal_rag.evidence.passages import IndexPassages
from portal_rag.pipeline import Pipeline
from portal_rag.understanding import Understanding, read_intent

PLUGIN = "plugin"
_TIMED = 10
_ASKED = (
    "Who owns thing-0?",
    "How do I restart word700 after word60 and word5?",
    "Who owns thingg-0?",
)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def readers(world: World, readable: tuple[int, ...]) -> Iterator[tuple[str, Reader]]:
    """Say what each of those who ask may read."""
    refs = [str(ref_of(entity)) for entity in world.entities]
    for count in readable:
        yield forward(count), Reader(refs=refs[:count], conditions={})
    owned = [ref for ref, each in zip(refs, world.entities, strict=True) if OWNERS.lets_in(each)]
    yield PLUGIN, Reader(refs=owned, conditions=OWNERS.conditions)


def forward(count: int) -> str:
    """Name a reader of so many entities who is asked for by their own token."""
    return f"reads-{count}"


@dataclass(frozen=True, slots=True)
class _Token:
    """Credentials that the stub takes: the name of one of its readers."""

    name: str

    @property
    def key(self) -> UserKey:
        return EntityRef("user", "default", self.name), self.name

    def token_for(self, plugin: str) -> str:
        return self.name


@dataclass(slots=True, kw_only=True)
class Views:
    """Views of the stub with caches of their own."""

    transport: BackstageTransport
    listings: UserCache[Listing] = field(
        default_factory=lambda: UserCache(time.monotonic, seconds=60)
    )
    allowances: UserCache[Wanted] = field(
        default_factory=lambda: UserCache(time.monotonic, seconds=30)
    )
    decisions: UserCache[Decision] = field(
        default_factory=lambda: UserCache(time.monotonic, seconds=30)
    )

    def of(self, name: str) -> Portal:
        permission = PermissionClient(self.transport)
        seen = BackstagePortal(
            _Token(name),
            catalog=CatalogClient(self.transport),
            permission=permission,
            search=SearchClient(self.transport),
            listings=self.listings,
            allowances=self.allowances,
            document_permissions=ONLY_CATALOG,
        )
        if name != PLUGIN:
            return seen
        return PluginPortal(seen, _Token(name), permission=permission, decisions=self.decisions)


class Asking:
    """Puts questions to a world, as readers of the portal that shows it."""

    def __init__(
        self, world: World, index: EdgeReader, stub: Stub, transport: BackstageTransport
    ) -> None:
        self._embedder = world.embedder
        self._index = index
        self._stub = stub
        self._transport = transport

    async def timed(self, name: str) -> tuple[list[float], list[int]]:
        """Retrieve passages, gate included, again and again: seconds, and calls of the gate."""
        passages, views = self._passages(), Views(transport=self._transport)
        await passages.find(_documents(question(0)), views.of(name))
        self._stub.asked()
        taken, calls = [], []
        for number in range(1, _TIMED + 1):
            started = time.perf_counter()
            await passages.find(_documents(question(number)), views.of(name))
            taken.append(time.perf_counter() - started)
            calls.append(self._stub.asked().gate_calls)
        return taken, calls

    async def counted(self, name: str) -> tuple[Asked, Asked]:
        """Ask each kind of question with empty caches and again; give the most of each count."""
        pipeline = self._pipeline()
        first: list[Asked] = []
        again: list[Asked] = []
        for text in _ASKED:
            views = Views(transport=self._transport)
            self._stub.asked()
            for counts in (first, again):
                await pipeline.answer(Question(text=text), views.of(name))
                counts.append(self._stub.asked())
        return _most(first), _most(again)

    def _pipeline(self) -> Pipeline:
        facts = CatalogFacts(app_url="https://portal.example", clock=lambda: _NOW)
        gathering = Gathering(
            sources=(facts, self._passages()), deadline_seconds=60, timer=time.monotonic
        )
        numbers = itertools.count()
        return Pipeline(
            understanding=Understanding(read=read_intent, clock=lambda: _NOW, zone=UTC),
            gathering=gathering,
            clock=lambda: _NOW,
            timer=time.monotonic,
            make_id=lambda: str(next(numbers)),
        )

    def _passages(self) -> IndexPassages:
        return IndexPassages(
            index=self._index,
            embedder=self._embedder,
            clock=lambda: _NOW,
            freshness=Freshness(default=timedelta(days=365)),
        )


async def work(asking: Asking, readable: tuple[int, ...]) -> list[str]:
    """Tell what each way of asking takes and asks for."""
    names = (PLUGIN, *map(forward, readable))
    lines = ["  a question's way to its passages, gate included:"]
    lines += [f"    {_described(name):34} {_timing(*await asking.timed(name))}" for name in names]
    lines.append("  at most asked of Backstage for one whole question (decisions, goal: 1;")
    lines.append("  calls of the gate, goal: 3 rounds, where more than 1,000 entities take a call")
    lines.append("  more; calls of the catalog), uncached and then cached:")
    for name in names:
        first, again = map(_counts, await asking.counted(name))
        lines.append(f"    {_described(name):34} {first}    {again}")
    return lines


def _timing(taken: list[float], calls: list[int]) -> str:
    mean, most = statistics.mean(calls), max(calls)
    return f"{spread(taken)}; {mean:.1f} calls of the gate, at most {most} (goal: 3 rounds)"


def _most(counts: list[Asked]) -> Asked:
    return Asked(
        decisions=max(each.decisions for each in counts),
        gate_calls=max(each.gate_calls for each in counts),
        catalog_calls=max(each.catalog_calls for each in counts),
    )


def _counts(asked: Asked) -> str:
    return f"{asked.decisions} {asked.gate_calls} {asked.catalog_calls}"


def _documents(text: str) -> Query:
    return Query(
        question=Question(text=text),
        intent="how_to",
        purpose="documents",
        topics=(),
        document_kinds=frozenset(),
        subjects=(),
        search_text=text,
    )


def _described(name: str) -> str:
    if name == PLUGIN:
        return f"plugin, {OWNERS.name}"
    return f"forward, {name.partition('-')[2]} readable"

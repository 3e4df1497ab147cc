"""What permissions cost: the filter in the query, the gate, and what is asked of Backstage."""

import asyncio
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from evals.bench.apart import in_its_own_process
from evals.bench.permission_cases import CASES
from evals.bench.permission_recall import Permitted
from evals.bench.permission_stub import serve
from evals.bench.permission_work import Asking, readers, work
from evals.bench.permission_world import Size, World, build, question
from evals.bench.timing import WARM_UP, spread
from portal_rag.backstage.transport import BackstageTransport
from portal_rag.corpus.conditions import parse_condition
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.visibility import GateDecides, Visibility, Where
from portal_rag.evidence.passages import ROUNDS

FULL = Size(entities=9_600, chunks=50_000, dimensions=384)
READABLE = (1_000, 1_001, 5_000, 9_000)
"""So many entities are listed for the filter at most; with one more the gate has most to do."""
_QUERIES = 30
_GRADED = 10


def measure(size: Size = FULL, readable: tuple[int, ...] = READABLE) -> None:
    """Index a large portal and print what searching it costs under filters, and who is asked."""
    in_its_own_process(partial(measured, size, readable))


def measured(size: Size, readable: tuple[int, ...]) -> str:
    """Tell it in lines."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(size, readable, Path(folder)))


async def _measured(size: Size, readable: tuple[int, ...], folder: Path) -> str:
    world = await build(size, folder)
    lines = [f"permissions: {size.chunks} chunks of {size.entities} entities"]
    index = EdgeReader(world.index, world.embedder.fingerprint)
    try:
        lines += await _filters(world, index)
        with serve(world.entities, dict(readers(world, readable))) as stub:
            async with BackstageTransport(stub.url, deadline_seconds=60) as transport:
                lines += await work(Asking(world, index, stub, transport), readable)
    finally:
        await index.close()
    return "\n".join(lines)


async def _filters(world: World, index: EdgeReader) -> list[str]:
    """Search as a question does, in turns with and without each filter."""
    visible: dict[str, Visibility] = {"no filter": GateDecides()}
    visible |= {case.name: Where(parse_condition(case.conditions)) for case in CASES}
    taken: dict[str, list[float]] = {name: [] for name in visible}
    for number in range(-WARM_UP, _QUERIES):
        for name, visible_to in visible.items():
            seconds = await _searched(world, index, question(number), visible_to)
            if number >= 0:
                taken[name].append(seconds)
    unit = statistics.median(taken["no filter"])
    lines = [f"  dense and lexical search, no filter: {spread(taken['no filter'])}"]
    lines.append("  with a filter: share of the chunks, times of no filter (goal: 2 at 10%),")
    lines.append("  recall@10 dense and lexical (goal: 1):")
    for case in CASES:
        permitted = Permitted(world, case)
        dense, lexical = await _recall(world, index, permitted, visible[case.name])
        times = statistics.median(taken[case.name]) / unit
        lines.append(
            f"    {case.name:44} {permitted.share:4.0%} {times:5.2f}   {dense:.3f} {lexical:.3f}"
            f"   {spread(taken[case.name])}"
        )
    return lines


async def _searched(world: World, index: EdgeReader, text: str, visible_to: Visibility) -> float:
    vector, terms = world.embedder.embed_query(text), query_terms(text)
    started = time.perf_counter()
    await index.search(vector, visible_to=visible_to, limit=ROUNDS[0])
    await index.search(terms, visible_to=visible_to, limit=ROUNDS[0])
    return time.perf_counter() - started


async def _recall(
    world: World, index: EdgeReader, permitted: Permitted, visible_to: Visibility
) -> tuple[float, float]:
    dense, lexical = [], []
    for text in map(question, range(_GRADED)):
        vector, terms = world.embedder.embed_query(text), query_terms(text)
        by_meaning = await index.search(vector, visible_to=visible_to, limit=ROUNDS[0])
        by_words = await index.search(terms, visible_to=visible_to, limit=ROUNDS[0])
        dense.append(permitted.recall(vector, by_meaning))
        lexical.append(permitted.recall(terms, by_words))
    return statistics.mean(dense), statistics.mean(lexical)

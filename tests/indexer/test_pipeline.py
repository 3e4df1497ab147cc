"""Runs over a real embedded index: what is seen, written, kept and published."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.pipeline import Tools, index
from indexer.pruning import MassDeleteGuard
from indexer.report import RunReport
from indexer.sources.source import EVERYTHING, UNMARKED, Asked, Failure, Seen, Source
from portal_rag.corpus.documents import Document
from portal_rag.corpus.edge_generations import current_generation
from portal_rag.corpus.edge_store import EdgeReader, open_edge_writer
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.store import Content, DenseVector, IndexWriter, Manifest, Run
from portal_rag.corpus.visibility import GateDecides
from portal_rag.errors import ConfigurationError, UpstreamError
from tests.fakes.embedding import HashingEmbedder
from tests.indexer.building import ListedSource, make_document, make_section

NOW = datetime(2026, 6, 9, 14, 5, tzinfo=UTC)
OUTAGE = UpstreamError("catalog", "Backstage answered 503", upstream_status=503)


class CountingEmbedder(HashingEmbedder):
    """Remembers what it was asked to embed."""

    def __init__(self, dimensions: int = 64) -> None:
        super().__init__(dimensions)
        self.texts: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self.texts += texts
        return super().embed_documents(texts)


class Recorder:
    """Progress as a list of what was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int | str]] = []

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None: ...

    def reading(self, source: str) -> None:
        self.told.append(("reading", source))

    def read(self, source: str, documents: int) -> None:
        self.told.append(("read", documents))

    def embedding(self, chunks: int) -> None:
        self.told.append(("embedding", chunks))

    def embedded(self, chunks: int) -> None:
        self.told.append(("embedded", chunks))


class Portal:
    """An index in a folder, and runs over it with one embedder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.embedder = CountingEmbedder()
        self.progress = Recorder()
        self.shape = "1"
        self._runs = 0

    async def run(
        self,
        *sources: Source,
        rebuild: bool = False,
        allow_mass_delete: bool = False,
        only: EntityRef | None = None,
    ) -> RunReport:
        self._runs += 1
        self.embedder.texts.clear()
        self.progress.told.clear()
        writer = open_edge_writer(
            self.directory,
            fingerprint=self.embedder.fingerprint,
            dimensions=self.embedder.dimensions,
            rebuild=rebuild,
        )
        guard = MassDeleteGuard(is_lifted=allow_mass_delete)
        tools = replace(self.tools(writer), guard=guard, starts_over=rebuild, only=only)
        try:
            return await index(sources, tools)
        finally:
            await writer.close()

    def tools(self, writer: IndexWriter) -> Tools:
        return Tools(
            writer=writer,
            embedder=self.embedder,
            run=Run(id=f"run-{self._runs}", started_at=NOW),
            clock=lambda: NOW,
            seconds=iter(range(1_000)).__next__,
            progress=self.progress,
            shape=self.shape,
            new_salt=lambda: f"salt of {self._runs}",
        )

    def manifest(self) -> Manifest:
        generation = current_generation(self.directory)
        assert generation
        return generation.read_manifest()

    async def found(self, words: str) -> set[str]:
        """Name the documents that hold these words, each with what is found of it."""
        reader = EdgeReader(self.directory, self.embedder.fingerprint)
        try:
            hits = await reader.search(query_terms(words), visible_to=GateDecides(), limit=100)
            return {hit.stored.chunk.document_path for hit in hits}
        finally:
            await reader.close()


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    return Portal(tmp_path / "index")


RUNBOOK = make_document(make_section("Restart", "Drain the broker.", level=1))
GUIDE = make_document(make_section("Guide", "Buy a parcel.", level=1), location="guide/")


async def test_a_first_run_embeds_and_publishes_everything(portal: Portal) -> None:
    report = await portal.run(ListedSource(RUNBOOK, GUIDE, entities=[{"kind": "Component"}]))
    assert await portal.found("broker") == {RUNBOOK.path}
    assert (report.published, report.chunk_count, report.embedded) == (True, 2, 2)
    manifest = portal.manifest()
    assert (manifest.chunk_count, manifest.run_id, manifest.published_at) == (2, "run-1", NOW)
    assert (manifest.sources, manifest.built_from_files) == (("files/techdocs",), True)


async def test_progress_is_told_from_reading_to_the_last_chunk(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    assert portal.progress.told == [
        ("reading", "files"),
        ("read", 2),
        ("embedding", 2),
        ("embedded", 2),
    ]


async def test_a_run_without_changes_embeds_and_publishes_nothing(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    before = portal.manifest()
    report = await portal.run(ListedSource(RUNBOOK, GUIDE))
    assert portal.embedder.texts == []
    assert (report.published, report.chunk_count) == (False, 2)
    assert report.sources[0].unchanged == 2
    assert portal.manifest() == before


async def test_only_a_changed_text_is_embedded(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    changed = make_document(make_section("Restart", "Drain the queue.", level=1))
    report = await portal.run(ListedSource(changed, GUIDE))
    assert portal.embedder.texts == ["Shop > Roll back > Restart\nDrain the queue."]
    assert report.chunk_count == 2
    assert await portal.found("queue") == {RUNBOOK.path}
    assert await portal.found("broker") == set()


async def test_a_new_date_rewrites_without_embedding(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))
    dated = make_document(make_section("Restart", "Drain the broker.", level=1), modified_at=NOW)
    report = await portal.run(ListedSource(dated))
    assert portal.embedder.texts == []
    assert (report.sources[0].rewritten, report.published) == (1, True)


async def test_a_document_that_is_gone_leaves_the_index(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    report = await portal.run(ListedSource(GUIDE))
    assert (report.sources[0].deleted, report.chunk_count) == (1, 1)
    assert await portal.found("broker") == set()


async def test_a_document_that_could_not_be_read_stays(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    failure = Failure(scope=RUNBOOK.path, reason="broken")
    report = await portal.run(ListedSource(GUIDE, failure))
    assert await portal.found("broker") == {RUNBOOK.path}
    assert (report.published, report.exit_code) == (False, 0)
    assert report.sources[0].failures[0].reason == "broken"


async def test_a_source_that_is_down_keeps_all_that_it_had(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    report = await portal.run(ListedSource(error=OUTAGE))
    assert await portal.found("broker parcel") == {RUNBOOK.path, GUIDE.path}
    assert (report.sources[0].state, report.exit_code) == ("failed", 3)


async def test_a_source_that_breaks_off_adds_what_it_gave_and_loses_nothing(
    portal: Portal,
) -> None:
    await portal.run(ListedSource(RUNBOOK))
    report = await portal.run(ListedSource(GUIDE, error=OUTAGE))
    assert await portal.found("broker parcel") == {RUNBOOK.path, GUIDE.path}
    assert report.exit_code == 3


async def test_one_source_that_is_down_does_not_stop_the_others(portal: Portal) -> None:
    down = ListedSource(name="backstage", parts=["backstage/techdocs"], error=OUTAGE)
    report = await portal.run(down, ListedSource(GUIDE))
    assert await portal.found("parcel") == {GUIDE.path}
    assert [source.state for source in report.sources] == ["failed", "ok"]
    assert portal.manifest().built_from_files


async def test_an_outage_of_one_site_makes_the_run_incomplete(portal: Portal) -> None:
    failure = Failure(scope="component:default/shop/", reason="503", is_outage=True)
    report = await portal.run(ListedSource(GUIDE, failure))
    assert (report.sources[0].state, report.exit_code) == ("partial", 3)


async def test_a_first_run_that_reads_nothing_publishes_nothing(portal: Portal) -> None:
    report = await portal.run(ListedSource(error=OUTAGE))
    assert (report.published, report.chunk_count) == (False, 0)
    assert current_generation(portal.directory) is None


async def test_other_sources_are_left_alone(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))
    other = make_document(location="other/", source="backstage/techdocs")
    source = ListedSource(other, name="backstage", parts=["backstage/techdocs"])
    source.reads_files = False
    await portal.run(source)
    assert await portal.found("broker") == {RUNBOOK.path, other.path}
    manifest = portal.manifest()
    assert manifest.sources == ("backstage/techdocs", "files/techdocs")
    assert not manifest.built_from_files


async def test_an_index_that_once_held_a_backstage_never_counts_as_files(portal: Portal) -> None:
    source = ListedSource(RUNBOOK, parts=["files/techdocs"])
    source.reads_files = False
    await portal.run(source)
    await portal.run(ListedSource(GUIDE))
    assert not portal.manifest().built_from_files
    await portal.run(ListedSource(GUIDE), rebuild=True)
    assert portal.manifest().built_from_files


async def test_a_changed_catalog_alone_is_published(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, entities=[{"kind": "Component", "spec": {"a": 1}}]))
    entities = [{"kind": "Component", "spec": {"a": 2}}]
    report = await portal.run(ListedSource(RUNBOOK, entities=entities))
    assert (report.published, portal.embedder.texts) == (True, [])
    generation = current_generation(portal.directory)
    assert generation
    assert generation.read_entities() == entities


async def test_a_document_that_is_delivered_twice_counts_once(portal: Portal) -> None:
    report = await portal.run(ListedSource(RUNBOOK, RUNBOOK))
    assert (report.sources[0].documents, report.chunk_count) == (1, 1)


async def test_many_chunks_are_written_in_batches(portal: Portal) -> None:
    documents = [
        make_document(make_section("Page", f"Number {number}.", level=1), location=f"{number}/")
        for number in range(130)
    ]
    await portal.run(ListedSource(*documents))
    assert portal.progress.told[2:] == [
        ("embedding", 130),
        ("embedded", 64),
        ("embedded", 64),
        ("embedded", 2),
    ]
    assert portal.manifest().chunk_count == 130


async def test_a_rebuild_starts_from_nothing(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))
    other = ListedSource(make_document(source="backstage/x"), parts=["backstage/x"])
    report = await portal.run(other, rebuild=True)
    assert (report.chunk_count, report.embedded) == (1, 1)
    assert portal.manifest().sources == ("backstage/x",)


@pytest.mark.parametrize(
    "source",
    [
        ListedSource(GUIDE, error=OUTAGE),
        ListedSource(GUIDE, Failure(scope=EVERYTHING, reason="503", is_outage=True)),
    ],
)
async def test_a_rebuild_does_not_replace_what_it_could_not_read(
    portal: Portal, source: ListedSource
) -> None:
    await portal.run(ListedSource(RUNBOOK))
    with pytest.raises(UpstreamError, match="503"):
        await portal.run(source, rebuild=True)
    assert await portal.found("broker") == {RUNBOOK.path}


async def test_a_rebuild_that_would_lose_much_is_refused_until_allowed(portal: Portal) -> None:
    pages = [make_document(location=f"{number}/") for number in range(30)]
    await portal.run(ListedSource(*pages))
    with pytest.raises(UpstreamError, match="files/techdocs would lose 20 of 30 documents"):
        await portal.run(ListedSource(*pages[:10]), rebuild=True)
    assert portal.manifest().chunk_count == 30
    await portal.run(ListedSource(*pages[:10]), rebuild=True, allow_mass_delete=True)
    assert portal.manifest().chunk_count == 10


async def test_a_run_that_finds_nothing_new_makes_no_copy_of_the_index(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))
    generations = portal.directory / "generations"
    changed_at = generations.stat().st_mtime_ns
    report = await portal.run(ListedSource(RUNBOOK))
    assert (report.published, report.chunk_count) == (False, 1)
    assert generations.stat().st_mtime_ns == changed_at


async def test_a_source_without_a_catalog_leaves_the_snapshot_of_another(portal: Portal) -> None:
    entities = [{"kind": "Component"}]
    await portal.run(ListedSource(RUNBOOK, entities=entities))
    await portal.run(ListedSource(make_document(source="notes"), name="notes", parts=["notes"]))
    generation = current_generation(portal.directory)
    assert generation
    assert (generation.number, generation.read_entities()) == (2, entities)
    report = await portal.run(ListedSource(RUNBOOK, entities=entities))
    assert not report.published


async def test_another_model_is_refused_until_a_rebuild(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))
    portal.embedder = CountingEmbedder(32)
    with pytest.raises(ConfigurationError, match="--rebuild"):
        await portal.run(ListedSource(RUNBOOK))
    await portal.run(ListedSource(RUNBOOK), rebuild=True)
    assert portal.manifest().dimensions == 32


async def test_a_run_that_fails_on_the_way_leaves_the_index_as_it_was(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))

    class FailingEmbedder(CountingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
            raise OUTAGE

    portal.embedder = FailingEmbedder()
    with pytest.raises(UpstreamError):
        await portal.run(ListedSource(RUNBOOK, GUIDE))
    assert await portal.found("broker parcel") == {RUNBOOK.path}


async def test_what_a_source_notes_is_reported(portal: Portal) -> None:
    report = await portal.run(ListedSource(RUNBOOK, notes=["one site is not built"]))
    assert report.sources[0].notes == ("one site is not built",)
    assert report.exit_code == 0


def pages(count: int) -> list[Document]:
    return [
        make_document(make_section("Page", f"Number {number}.", level=1), location=f"{number}/")
        for number in range(count)
    ]


async def test_a_site_that_shrinks_from_50_pages_to_2_is_kept_until_allowed(
    portal: Portal,
) -> None:
    await portal.run(ListedSource(*pages(50)))
    report = await portal.run(ListedSource(*pages(2)))
    assert (report.sources[0].state, report.exit_code, report.chunk_count) == ("refused", 3, 50)
    assert "48 of 50" in report.sources[0].failures[0].reason
    assert "--allow-mass-delete" in report.sources[0].failures[0].reason
    allowed = await portal.run(ListedSource(*pages(2)), allow_mass_delete=True)
    assert (allowed.sources[0].state, allowed.exit_code, allowed.chunk_count) == ("ok", 0, 2)


async def test_a_refused_loss_does_not_hold_up_what_is_new(portal: Portal) -> None:
    await portal.run(ListedSource(*pages(50)))
    report = await portal.run(ListedSource(RUNBOOK))
    assert (report.published, report.chunk_count) == (True, 51)
    assert await portal.found("broker") == {RUNBOOK.path}


class LookingEmbedder(CountingEmbedder):
    """Notes, whenever it is asked to embed, what readers find at that moment."""

    def __init__(self, directory: Path, words: str) -> None:
        super().__init__()
        self.seen: list[set[tuple[str, str]]] = []
        self._directory = directory
        self._words = words

    def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
        self.seen.append(asyncio.run(self._look()))
        return super().embed_documents(texts)

    async def _look(self) -> set[tuple[str, str]]:
        reader = EdgeReader(self._directory, self.fingerprint)
        hits = await reader.search(query_terms(self._words), visible_to=GateDecides(), limit=100)
        await reader.close()
        chunks = [hit.stored.chunk for hit in hits]
        return {(chunk.document_path, str(chunk.resource_ref)) for chunk in chunks}


SECRET = EntityRef.parse("component:default/secret")


async def test_what_is_gone_is_gone_before_new_text_is_embedded(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    portal.embedder = LookingEmbedder(portal.directory, "broker parcel")
    new = make_document(make_section("New", "A new text.", level=1), location="new/")
    report = await portal.run(ListedSource(GUIDE, new))
    assert portal.embedder.seen == [{(GUIDE.path, str(GUIDE.resource_ref))}]
    assert report.chunk_count == 2
    assert portal.manifest().contents == {"files/techdocs": Content(documents=2, chunks=2)}


async def test_another_governing_entity_holds_before_new_text_is_embedded(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))
    portal.embedder = LookingEmbedder(portal.directory, "broker parcel")
    moved = replace(GUIDE, resource_ref=SECRET)
    text = make_section("Restart", "Drain the broker slowly.", level=1)
    changed = replace(RUNBOOK, resource_ref=SECRET, sections=(text,))
    await portal.run(ListedSource(moved, changed))
    assert portal.embedder.seen == [{(GUIDE.path, str(SECRET))}]
    assert await portal.found("slowly") == {RUNBOOK.path}


async def test_a_run_that_fails_after_narrowing_leaves_what_was_narrowed(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE))

    class FailingEmbedder(CountingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
            raise OUTAGE

    portal.embedder = FailingEmbedder()
    with pytest.raises(UpstreamError):
        await portal.run(ListedSource(make_document(location="new/"), GUIDE))
    assert await portal.found("broker parcel") == {GUIDE.path}


def seen(mark: str, *, is_unchanged: bool = False) -> Seen:
    return Seen(scope="component:default/shop/", mark=mark, is_unchanged=is_unchanged)


async def test_a_run_is_told_what_the_last_one_saw(portal: Portal) -> None:
    first, second = ListedSource(RUNBOOK, seen("1")), ListedSource(seen("1", is_unchanged=True))
    await portal.run(first)
    report = await portal.run(second)
    assert (first.asked, second.asked) == (
        Asked(known={}),
        Asked(known={"component:default/shop/": "1"}),
    )
    assert (report.published, report.sources[0].unchanged) == (False, 1)


async def test_another_shape_of_documents_makes_a_run_read_all(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, seen("1")))
    portal.shape = "2"
    source = ListedSource(RUNBOOK, seen("1"))
    await portal.run(source)
    assert source.asked == Asked(known={})
    again = ListedSource(seen("1", is_unchanged=True))
    assert not (await portal.run(again)).published
    assert again.asked == Asked(known={"component:default/shop/": "1"})


async def test_a_source_that_fails_is_known_as_far_as_it_was_read(portal: Portal) -> None:
    other = Seen(scope="component:default/cart/", mark="7")
    await portal.run(ListedSource(RUNBOOK, seen("1"), other))
    await portal.run(ListedSource(RUNBOOK, seen("2"), error=OUTAGE))
    last = ListedSource(error=OUTAGE)
    await portal.run(last)
    assert last.asked
    assert last.asked.known == {"component:default/shop/": "2", "component:default/cart/": "7"}


async def test_what_a_killed_run_narrowed_is_not_taken_for_known(portal: Portal) -> None:
    other = Seen(scope="component:default/cart/", mark="7")
    await portal.run(ListedSource(RUNBOOK, GUIDE, seen("1"), other))

    class FailingEmbedder(CountingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
            raise OUTAGE

    portal.embedder = FailingEmbedder()
    with pytest.raises(UpstreamError):
        await portal.run(ListedSource(make_document(location="new/"), GUIDE, seen("2"), other))
    source = ListedSource(RUNBOOK, GUIDE, seen("1"), other)
    portal.embedder = CountingEmbedder()
    await portal.run(source)
    assert source.asked == Asked(
        known={"component:default/shop/": UNMARKED, "component:default/cart/": "7"}
    )
    assert await portal.found("broker parcel") == {RUNBOOK.path, GUIDE.path}


async def test_a_run_for_one_entity_leaves_all_others(portal: Portal) -> None:
    cart = make_document(
        make_section("Cart", "Fill a basket.", level=1),
        owner=EntityRef.parse("component:default/cart"),
    )
    await portal.run(ListedSource(RUNBOOK, GUIDE, cart, seen("1")))
    source = ListedSource(GUIDE, seen("2"))
    report = await portal.run(source, only=GUIDE.entity_ref)
    assert (report.chunk_count, report.sources[0].deleted) == (2, 1)
    assert await portal.found("broker parcel basket") == {GUIDE.path, cart.path}
    assert source.asked == Asked(known={"component:default/shop/": "1"}, only=GUIDE.entity_ref)

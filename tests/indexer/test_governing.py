"""What the index says of governing entities stays true, is published first and embeds nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.chunking import split
from indexer.pipeline import index
from indexer.sources.source import Governing
from portal_rag.corpus.conditions import Condition, Not
from portal_rag.corpus.documents import Document
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.predicates import hashed, predicates_of
from portal_rag.corpus.store import DenseVector, IndexReader
from portal_rag.corpus.visibility import Where
from portal_rag.errors import ConfigurationError, IndexUnavailableError, UpstreamError
from tests.corpus.condition_cases import rule
from tests.corpus.stores import EMBEDDER, RUN, embed, open_store
from tests.factories import make_json
from tests.indexer.building import SHOP, ListedSource, make_document, make_section
from tests.indexer.test_pipeline import CountingEmbedder, Portal

SECRET = EntityRef.parse("component:default/secret")
PUBLIC = rule("HAS_LABEL", label="visibility", value="public")
RUNBOOK = make_document(make_section("Restart", "Drain the broker.", level=1))
GUIDE = make_document(make_section("Guide", "Buy a parcel.", level=1), location="guide/")
NEW = make_document(make_section("New", "A new text.", level=1), location="new/")
NOTE = make_document(location="note/", source="notes")
CART = EntityRef.parse("component:default/cart")


pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")


@pytest.fixture
def portal(tmp_path: Path) -> Portal:
    return Portal(tmp_path / "index")


def governing(ref: EntityRef = SHOP, *, visibility: str = "public") -> Governing:
    entity = make_json(str(ref), labels={"visibility": visibility})
    return Governing(ref=ref, predicates=predicates_of(entity))


async def found(portal: Portal, condition: Condition) -> set[str]:
    reader = EdgeReader(portal.directory, portal.embedder.fingerprint)
    try:
        return await found_by(reader, portal.embedder.embed_query("x"), condition)
    finally:
        await reader.close()


async def found_by(reader: IndexReader, vector: DenseVector, condition: Condition) -> set[str]:
    hits = await reader.search(vector, visible_to=Where(condition), limit=100)
    return {hit.stored.chunk.document_path for hit in hits}


async def test_chunks_are_found_by_what_is_true_of_their_entity(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, governing(), GUIDE))
    assert await found(portal, PUBLIC) == {RUNBOOK.path, GUIDE.path}
    assert await found(portal, Not(PUBLIC)) == set()
    assert portal.manifest().salt == "salt of 1"


async def test_a_chunk_whose_entity_nobody_gave_is_left_to_the_gate(portal: Portal) -> None:
    other = make_document(owner=CART)
    await portal.run(ListedSource(RUNBOOK, other, governing(visibility="restricted")))
    assert await found(portal, PUBLIC) == {other.path}
    assert await found(portal, Not(PUBLIC)) == {RUNBOOK.path, other.path}


async def test_an_entity_that_changes_takes_its_chunks_along_and_embeds_nothing(
    portal: Portal,
) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE, governing()))
    report = await portal.run(ListedSource(RUNBOOK, GUIDE, governing(visibility="restricted")))
    assert portal.embedder.texts == []
    assert (report.published, report.sources[0].unchanged) == (True, 2)
    assert await found(portal, PUBLIC) == set()
    assert await found(portal, Not(PUBLIC)) == {RUNBOOK.path, GUIDE.path}
    again = await portal.run(ListedSource(RUNBOOK, GUIDE, governing(visibility="restricted")))
    assert not again.published


async def test_a_text_that_changes_keeps_what_is_true_of_its_entity(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE, governing()))
    changed = make_document(make_section("Restart", "Drain the queue.", level=1))
    await portal.run(ListedSource(changed, GUIDE, governing()))
    assert await found(portal, PUBLIC) == {RUNBOOK.path, GUIDE.path}
    assert await found(portal, Not(PUBLIC)) == set()


async def test_what_narrows_is_published_before_new_text_is_embedded(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, governing()))

    class FailingEmbedder(CountingEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> list[DenseVector]:
            raise UpstreamError("model", "out of memory")

    portal.embedder = FailingEmbedder()
    with pytest.raises(UpstreamError):
        await portal.run(ListedSource(RUNBOOK, NEW, governing(visibility="restricted")))
    assert await found(portal, PUBLIC) == set()
    assert await found(portal, Not(PUBLIC)) == {RUNBOOK.path}


async def test_documents_of_other_sources_follow_the_entity_too(portal: Portal) -> None:
    notes = ListedSource(NOTE, name="notes", parts=["notes"])
    await portal.run(notes, ListedSource(RUNBOOK, governing()))
    await portal.run(ListedSource(RUNBOOK, governing(visibility="restricted")))
    assert await found(portal, PUBLIC) == set()
    await portal.run(notes)
    assert await found(portal, PUBLIC) == set()


async def test_a_document_of_another_source_alone_makes_a_run_write(portal: Portal) -> None:
    await portal.run(ListedSource(NOTE, name="notes", parts=["notes"]))
    assert await found(portal, PUBLIC) == {NOTE.path}
    await portal.run(ListedSource(governing(visibility="restricted")))
    assert await found(portal, PUBLIC) == set()


async def test_a_chunk_that_moves_says_what_is_true_of_its_new_entity(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, GUIDE, governing()))
    moved: list[Document] = [replace(each, resource_ref=SECRET) for each in (RUNBOOK, GUIDE)]
    secret = governing(SECRET, visibility="restricted")
    await portal.run(ListedSource(moved[0], GUIDE, governing(), secret))
    assert await found(portal, PUBLIC) == {GUIDE.path}
    await portal.run(ListedSource(*moved))
    assert await found(portal, PUBLIC) == {RUNBOOK.path, GUIDE.path}
    assert await found(portal, Not(PUBLIC)) == {RUNBOOK.path, GUIDE.path}


async def test_one_entity_alone_brings_its_predicates_along(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, governing()))
    restricted = ListedSource(RUNBOOK, governing(visibility="restricted"))
    await portal.run(restricted, only=SHOP)
    assert await found(portal, PUBLIC) == set()


async def test_the_salt_is_drawn_once_and_outlives_a_rebuild(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK, governing()))
    await portal.run(ListedSource(RUNBOOK, NEW, governing()))
    await portal.run(ListedSource(RUNBOOK, governing()), rebuild=True)
    assert portal.manifest().salt == "salt of 1"
    assert await found(portal, PUBLIC) == {RUNBOOK.path}


async def test_an_index_of_the_former_schema_asks_for_a_rebuild(portal: Portal) -> None:
    await portal.run(ListedSource(RUNBOOK))
    manifest = portal.directory / "generations" / "1" / "manifest.json"
    written = manifest.read_text(encoding="utf-8")
    former = written.replace('"schema_version": 3', '"schema_version": 1')
    manifest.write_text(former.replace('"salt": "salt of 1"', '"x": 1'), encoding="utf-8")
    with pytest.raises(IndexUnavailableError, match=r"schema version 1.*--rebuild"):
        await found(portal, PUBLIC)
    with pytest.raises(ConfigurationError, match=r"schema version 1.*--rebuild"):
        await portal.run(ListedSource(RUNBOOK))
    await portal.run(ListedSource(RUNBOOK, governing()), rebuild=True)
    assert portal.manifest().salt == "salt of 3"
    assert await found(portal, PUBLIC) == {RUNBOOK.path}


async def test_what_a_first_run_left_on_a_server_is_not_lost_with_its_salt(portal: Portal) -> None:
    async with open_store("memory") as store:
        killed = await store.writer()
        left = embed(*split(RUNBOOK), predicates=hashed(None, salt="of the killed run"))
        await killed.upsert(left, run=RUN)
        writer = await store.writer()
        tools = replace(portal.tools(writer), embedder=EMBEDDER)
        report = await index([ListedSource(RUNBOOK)], tools)
        assert report.embedded == 0
        reader = store.reader()
        assert await found_by(reader, EMBEDDER.embed_query("x"), PUBLIC) == {RUNBOOK.path}
        await reader.close()

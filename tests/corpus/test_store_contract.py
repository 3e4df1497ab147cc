"""What every store promises, tried on each of them."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.entity_ref import EntityRef
from portal_rag.corpus.lexical import document_terms, query_terms
from portal_rag.corpus.predicates import UNSAID
from portal_rag.corpus.schema import visibility_hash
from portal_rag.corpus.store import MOST_AT_ONCE, IndexReader, Manifest, StoredChunk, StoredMark
from portal_rag.corpus.visibility import (
    CountedAmong,
    GateDecides,
    OfOrigin,
    OnlyResources,
    Refused,
    Visibility,
    Within,
    Without,
)
from portal_rag.errors import IndexUnavailableError, UpstreamError
from tests.corpus.stores import (
    EMBEDDER,
    KINDS,
    LATER_RUN,
    RUN,
    Store,
    embed,
    make_manifest,
    open_store,
    publish,
    readable,
)
from tests.factories import make_chunk
from tests.fakes.embedding import HashingEmbedder

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant")

SHOP, LEDGER, SECRET = "component:default/shop", "component:default/ledger", "system:ops/secret"
SHOP_REF = EntityRef.parse(SHOP)
EVERYONE = GateDecides()


async def found(
    reader: IndexReader, text: str, *, visible_to: Visibility = EVERYONE, limit: int = 100
) -> list[str]:
    vector = EMBEDDER.embed_query(text)
    hits = await reader.search(vector, visible_to=visible_to, limit=limit)
    return [hit.stored.chunk.text for hit in hits]


async def found_by_terms(
    reader: IndexReader, text: str, *, visible_to: Visibility = EVERYONE, limit: int = 100
) -> list[str]:
    hits = await reader.search(query_terms(text), visible_to=visible_to, limit=limit)
    return [hit.stored.chunk.text for hit in hits]


async def test_a_chunk_comes_back_as_it_was_written(store: Store) -> None:
    written = dataclasses.replace(
        make_chunk(
            "Größe: 3 µm\n\t— 世界", entity=SHOP, resource=SECRET, ordinal=7, kind="runbook"
        ),
        anchor="a-b",
        title_path=("Shop", "Page", "Section > with arrow"),
        modified_at=datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    )
    await publish(store, written)
    reader = store.reader()
    hits = await reader.search(EMBEDDER.embed_query("x"), visible_to=EVERYONE, limit=5)
    assert [hit.stored for hit in hits] == [StoredChunk(chunk=written, indexed_at=RUN.started_at)]
    await reader.close()


async def test_dense_search_puts_the_most_similar_chunk_first(store: Store) -> None:
    near, far = make_chunk("drain the broker first"), make_chunk("invoice totals", ordinal=1)
    await publish(store, far, near)
    reader = store.reader()
    hits = await reader.search(
        EMBEDDER.embed_documents([near.embedded_text])[0], visible_to=EVERYONE, limit=5
    )
    assert [hit.stored.chunk for hit in hits] == [near, far]
    assert hits[0].score == pytest.approx(1.0, abs=1e-5)
    assert hits[0].score > hits[1].score
    await reader.close()


async def test_lexical_search_finds_only_chunks_that_share_a_term_rare_ones_first(
    store: Store,
) -> None:
    texts = ("deploy with helm", "deploy with care", "deploy redis_old", "nothing of it")
    await publish(store, *(make_chunk(text, ordinal=n) for n, text in enumerate(texts)))
    reader = store.reader()
    ranked = await found_by_terms(reader, "deploy redis_old")
    assert ranked[0] == "deploy redis_old"
    assert set(ranked) == set(texts[:3])
    await reader.close()


async def test_a_question_without_terms_finds_nothing_lexically(store: Store) -> None:
    await publish(store, make_chunk())
    reader = store.reader()
    assert await found_by_terms(reader, "the of ???") == []
    await reader.close()


async def test_a_chunk_without_terms_can_be_stored_and_found_by_meaning(store: Store) -> None:
    bare = dataclasses.replace(make_chunk("the of ???"), title_path=())
    assert document_terms(bare.embedded_text).indices == ()
    await publish(store, bare)
    reader = store.reader()
    assert await found(reader, "anything") == ["the of ???"]
    await reader.close()


async def test_the_limit_keeps_the_best(store: Store) -> None:
    texts = ("broker", "broker drain", "broker drain first")
    await publish(store, *(make_chunk(text, ordinal=n) for n, text in enumerate(texts)))
    reader = store.reader()
    for limit in (1, 2):
        best_first = await found_by_terms(reader, "broker drain first", limit=limit)
        assert best_first == list(reversed(texts))[:limit]
    await reader.close()


async def test_only_chunks_of_listed_resources_are_found(store: Store) -> None:
    await publish(
        store,
        make_chunk("broker a", entity=SHOP),
        make_chunk("broker b", entity=LEDGER),
        make_chunk("broker c", entity=SHOP, resource=SECRET, ordinal=1),
    )
    reader = store.reader()
    assert set(await found(reader, "broker")) == {"broker a", "broker b", "broker c"}
    for search in (found, found_by_terms):
        assert await search(reader, "broker", visible_to=readable([SHOP])) == ["broker a"]
        assert set(await search(reader, "broker", visible_to=readable([SHOP, SECRET]))) == {
            "broker a",
            "broker c",
        }
        assert await search(reader, "broker", visible_to=readable(["api:default/nobody"])) == []
    await reader.close()


async def test_exactly_what_the_gate_refused_is_left_out(store: Store) -> None:
    await publish(
        store,
        make_chunk("broker a", entity=SHOP),
        make_chunk("broker b", entity=LEDGER),
        make_chunk("broker c", entity=SHOP, resource=SECRET, ordinal=1),
        make_chunk("broker d", entity=SECRET, resource=SHOP, ordinal=1),
        make_chunk("broker e", entity=SECRET),
    )
    reader = store.reader()
    shop, secret = EntityRef.parse(SHOP), EntityRef.parse(SECRET)
    source = make_chunk("any").source
    for among, refused, left in (
        (EVERYONE, [(secret, secret)], "abcd"),
        (EVERYONE, [(secret, shop), (shop, secret)], "abe"),
        (EVERYONE, [(secret, secret), (shop, shop)], "b"),
        (readable([SHOP]), [(shop, secret)], "a"),
        (readable([SECRET]), [(secret, secret), (secret, shop)], ""),
        (readable([LEDGER]), [], "b"),
    ):
        gone = frozenset(Refused(source, resource, entity) for resource, entity in refused)
        for search in (found, found_by_terms):
            texts = await search(reader, "broker", visible_to=Without(among, gone))
            assert {text.removeprefix("broker ") for text in texts} == set(left)
    elsewhere = frozenset([Refused("elsewhere", shop, shop)])
    assert len(await found(reader, "broker", visible_to=Without(EVERYONE, elsewhere))) == 5
    await reader.close()


async def test_documents_of_an_origin_may_be_found_of_fewer_entities(store: Store) -> None:
    placed = {
        "a": ("files/techdocs", SHOP, SHOP),
        "b": ("backstage/techdocs", SHOP, LEDGER),
        "c": ("files/techdocs", LEDGER, LEDGER),
        "d": ("files/catalog", LEDGER, LEDGER),
        "e": (f"markdown/{SHOP}/handbook", SHOP, SHOP),
        "f": ("newer/kind", LEDGER, LEDGER),
    }
    chunks = [
        make_chunk(f"broker {name}", source=source, entity=entity, resource=resource, page=name)
        for name, (source, entity, resource) in placed.items()
    ]
    await publish(store, *chunks)
    reader = store.reader()
    shop, nobody = readable([SHOP]).refs, frozenset[EntityRef]()
    for among, only, left in (
        (EVERYONE, [OfOrigin("techdocs", shop)], "adef"),
        (EVERYONE, [OfOrigin("techdocs", nobody)], "def"),
        (EVERYONE, [OfOrigin("markdown", shop)], "abcde"),
        (EVERYONE, [OfOrigin("techdocs", shop), OfOrigin("markdown", nobody)], "ad"),
        (readable([SHOP]), [OfOrigin("techdocs", nobody)], "e"),
        (readable([]), [OfOrigin("techdocs", shop)], ""),
    ):
        for search in (found, found_by_terms):
            texts = await search(reader, "broker", visible_to=Within(among, tuple(only)))
            assert {text.removeprefix("broker ") for text in texts} == set(left)
    await reader.close()


async def test_who_may_read_nothing_finds_nothing_and_the_store_is_not_even_asked(
    store: Store,
) -> None:
    nothing = OnlyResources(frozenset())
    reader = store.reader()
    assert await found(reader, "broker", visible_to=nothing) == []
    await publish(store, make_chunk("broker"))
    assert await found(reader, "broker", visible_to=nothing) == []
    assert await found_by_terms(reader, "broker", visible_to=nothing) == []
    await reader.close()


async def test_hidden_chunks_do_not_change_the_scores_of_visible_ones(store: Store) -> None:
    seen = [make_chunk(text, ordinal=n) for n, text in enumerate(("broker drain", "broker"))]
    hidden = [make_chunk("broker drain", entity=SECRET, ordinal=n) for n in range(20)]
    reader = store.reader()

    async def scores() -> list[float]:
        only = readable([SHOP])
        hits = await reader.search(query_terms("broker drain"), visible_to=only, limit=9)
        return [hit.score for hit in hits]

    await publish(store, *seen)
    alone = await scores()
    await publish(store, *hidden)
    assert await scores() == pytest.approx(alone)
    await reader.close()


async def test_terms_are_as_rare_as_among_what_is_known_to_be_readable(store: Store) -> None:
    """More is found than may be read, and the gate takes it out; that must not move the rest."""
    seen = [make_chunk("broker drain"), make_chunk("broker", entity=LEDGER)]
    hidden = [make_chunk("broker", entity=SECRET, ordinal=n) for n in range(20)]
    only = CountedAmong(EVERYONE, readable([SHOP, LEDGER]))
    reader = store.reader()

    async def scores(visible_to: Visibility) -> dict[str, float]:
        hits = await reader.search(query_terms("broker drain"), visible_to=visible_to, limit=99)
        return {hit.stored.chunk.id: hit.score for hit in hits}

    await publish(store, *seen)
    alone = await scores(EVERYONE)
    await publish(store, *hidden)
    for visible_to in (only, Without(only, frozenset([Refused("elsewhere", *2 * [SHOP_REF])]))):
        found_now = await scores(visible_to)
        assert len(found_now) == 22
        assert {key: found_now[key] for key in alone} == pytest.approx(alone)
    among_none = CountedAmong(EVERYONE, readable([]))
    assert len(await scores(among_none)) == 22
    await reader.close()


async def test_writing_a_chunk_again_replaces_it(store: Store) -> None:
    await publish(store, make_chunk("old broker", entity=SHOP))
    await publish(store, make_chunk("new valve", entity=SHOP))
    reader = store.reader()
    assert await found(reader, "valve") == ["new valve"]
    assert await found_by_terms(reader, "broker") == []
    await reader.close()


async def test_rewritten_metadata_changes_visibility_but_neither_text_nor_vectors(
    store: Store,
) -> None:
    before = make_chunk("drain the broker", entity=SHOP)
    await publish(store, before)
    moved = dataclasses.replace(
        before, resource_ref=EntityRef.parse(SECRET), url="https://portal.example/new", text="other"
    )
    writer = await store.writer()
    await writer.rewrite_metadata([moved], run=LATER_RUN)
    assert await writer.stored(before.source) == {
        before.id: StoredMark(
            document_path=before.document_path,
            resource_ref=SECRET,
            content_hash=before.content_hash,
            metadata_hash=moved.metadata_hash,
            visibility_hash=visibility_hash(UNSAID),
        )
    }
    await writer.publish(make_manifest(1, run=LATER_RUN), entities=())
    await writer.close()

    reader = store.reader()
    assert await found(reader, "broker", visible_to=readable([SHOP])) == []
    hits = await reader.search(
        EMBEDDER.embed_query(before.embedded_text), visible_to=readable([SECRET]), limit=5
    )
    expected = dataclasses.replace(moved, text=before.text)
    assert hits[0].stored == StoredChunk(chunk=expected, indexed_at=LATER_RUN.started_at)
    assert hits[0].score == pytest.approx(1.0, abs=1e-5)
    assert await found_by_terms(reader, "broker") == ["drain the broker"]
    await reader.close()


async def test_deleted_chunks_are_gone_and_deleting_strangers_is_harmless(store: Store) -> None:
    kept, gone = make_chunk("kept"), make_chunk("gone", ordinal=1)
    await publish(store, kept, gone)
    writer = await store.writer()
    await writer.delete([gone.id, make_chunk("never written", page="other/").id])
    await writer.delete([])
    await writer.publish(make_manifest(await writer.count()), entities=())
    await writer.close()
    reader = store.reader()
    assert await found(reader, "gone") == ["kept"]
    await reader.close()


async def test_stored_lists_every_chunk_of_one_source_however_many(store: Store) -> None:
    chunks = [make_chunk(f"text {n}", ordinal=n) for n in range(1203)]
    other = make_chunk("elsewhere", source="backstage/techdocs")
    writer = await store.writer()
    await writer.upsert(embed(*chunks, other), run=RUN)
    assert await writer.stored("files/techdocs") == {
        chunk.id: StoredMark(
            document_path=chunk.document_path,
            resource_ref=str(chunk.resource_ref),
            content_hash=chunk.content_hash,
            metadata_hash=chunk.metadata_hash,
            visibility_hash=visibility_hash(UNSAID),
        )
        for chunk in chunks
    }
    assert set(await writer.stored("backstage/techdocs")) == {other.id}
    assert await writer.stored("unknown") == {}
    assert await writer.count() == 1204
    await writer.close()


async def test_texts_are_written_and_trimmed_in_one_call(store: Store) -> None:
    chunks = [make_chunk(f"text {n}", ordinal=n) for n in range(MOST_AT_ONCE + 1)]
    await publish(store, *chunks)
    writer = await store.writer()
    assert await writer.replaced() == await writer.manifest()
    new = dataclasses.replace(chunks[0], text="new")
    trimmed = [chunk.id for chunk in chunks[2:]]
    await writer.upsert(embed(new), run=LATER_RUN, trimmed=trimmed)
    marks = await writer.stored("files/techdocs")
    assert marks.keys() == {new.id, chunks[1].id}
    assert marks[new.id].content_hash == new.content_hash
    await writer.upsert([], run=LATER_RUN, trimmed=[chunks[1].id])
    await writer.upsert([], run=LATER_RUN)
    assert (await writer.stored("files/techdocs")).keys() == {new.id}
    await writer.close()


async def test_metadata_of_many_chunks_is_rewritten_in_one_call(store: Store) -> None:
    chunks = [make_chunk(f"text {n}", ordinal=n) for n in range(300)]
    await publish(store, *chunks)
    moved = [dataclasses.replace(chunk, resource_ref=EntityRef.parse(SECRET)) for chunk in chunks]
    writer = await store.writer()
    await writer.rewrite_metadata(moved, run=LATER_RUN)
    marks = await writer.stored("files/techdocs")
    assert {mark.metadata_hash for mark in marks.values()} == {moved[0].metadata_hash}
    await writer.close()


async def test_before_the_first_publication_there_is_nothing_to_read(store: Store) -> None:
    reader = store.reader()
    with pytest.raises(IndexUnavailableError):
        await reader.manifest()
    writer = await store.writer()
    assert await writer.manifest() is None
    await writer.upsert(embed(make_chunk()), run=RUN)
    with pytest.raises(IndexUnavailableError):
        await found(reader, "broker")
    await writer.close()
    await reader.close()


async def test_the_published_manifest_is_what_readers_and_the_next_run_see(store: Store) -> None:
    manifest = await publish(store, make_chunk())
    reader = store.reader()
    assert await reader.manifest() == manifest
    writer = await store.writer()
    assert await writer.manifest() == manifest
    later = make_manifest(1, sources=("a", "b"), built_from_files=False, run=LATER_RUN)
    await writer.publish(later, entities=())
    await writer.close()
    assert await reader.manifest() == later
    await reader.close()


async def test_a_run_may_publish_and_go_on(store: Store) -> None:
    writer = await store.writer()
    for count, text in enumerate(("first", "second", "third"), start=1):
        await writer.upsert(embed(make_chunk(text, ordinal=count)), run=RUN)
        await writer.publish(make_manifest(count), entities=())
    await writer.close()
    reader = store.reader()
    assert set(await found(reader, "x")) == {"first", "second", "third"}
    await reader.close()


@pytest.mark.parametrize(
    "wrong",
    [
        make_manifest(2),
        make_manifest(1, schema_version=99),
        make_manifest(1, embedder=HashingEmbedder(32)),
    ],
    ids=["count", "schema", "embedding"],
)
async def test_a_manifest_that_does_not_fit_is_not_published(store: Store, wrong: Manifest) -> None:
    writer = await store.writer()
    await writer.upsert(embed(make_chunk()), run=RUN)
    with pytest.raises(UpstreamError):
        await writer.publish(wrong, entities=())
    reader = store.reader()
    with pytest.raises(IndexUnavailableError):
        await reader.manifest()
    await writer.publish(make_manifest(await writer.count()), entities=())
    assert await found(reader, "x") == [make_chunk().text]
    await writer.close()
    await reader.close()


async def test_a_reader_with_another_embedder_is_refused(store: Store) -> None:
    await publish(store, make_chunk())
    reader = store.reader(embedder=HashingEmbedder(32))
    with pytest.raises(IndexUnavailableError, match="hashing@64"):
        await found(reader, "broker")
    with pytest.raises(IndexUnavailableError, match="PORTAL_RAG_EMBEDDING_MODEL"):
        await reader.manifest()
    await reader.close()


async def test_a_rebuild_starts_from_nothing_and_readers_keep_the_old_index_meanwhile(
    store: Store,
) -> None:
    await publish(store, make_chunk("old one"), make_chunk("old two", ordinal=1))
    reader = store.reader()
    for text in ("new one", "newer one"):
        seen_before = await found(reader, "x")
        writer = await store.writer(rebuild=True)
        assert await writer.manifest() is None
        assert await writer.count() == 0
        await writer.upsert(embed(make_chunk(text)), run=LATER_RUN)
        assert await found(reader, "x") == seen_before
        await writer.publish(make_manifest(1, run=LATER_RUN), entities=())
        await writer.close()
        assert await found(reader, "x") == [text]
    await publish(store, make_chunk("another", ordinal=3))
    assert set(await found(reader, "x")) == {"newer one", "another"}
    await reader.close()


async def test_an_unfinished_rebuild_leaves_nothing_to_the_next_one(store: Store) -> None:
    await publish(store, make_chunk("old"))
    writer = await store.writer(rebuild=True)
    await writer.upsert(embed(make_chunk("half done", ordinal=5)), run=RUN)
    await writer.close()
    await publish(store, make_chunk("new"), rebuild=True)
    reader = store.reader()
    assert await found(reader, "x") == ["new"]
    await reader.close()


RESOURCES = tuple(f"component:default/c{n}" for n in range(6))
WORDS = ("broker", "valve", "drain", "invoice", "redis_old", "checkout-service", "Gateway")


@st.composite
def chunk_sets(draw: st.DrawFn) -> list[Chunk]:
    words = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
    pairs = draw(st.lists(st.tuples(words, st.sampled_from(RESOURCES)), max_size=12))
    return [
        make_chunk(text, entity=SHOP, resource=resource, ordinal=n)
        for n, (text, resource) in enumerate(pairs)
    ]


@pytest.mark.parametrize("kind", KINDS)
@given(
    chunks=chunk_sets(),
    refs=st.sets(st.sampled_from((*RESOURCES, "component:default/unknown"))),
    asked=st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_what_is_found_is_exactly_what_may_be_read(
    kind: str, chunks: list[Chunk], refs: set[str], asked: str
) -> None:
    may_read = readable(refs)
    visible = {chunk.id for chunk in chunks if chunk.resource_ref in may_read.refs}
    terms = query_terms(asked)
    sharing = {
        chunk.id
        for chunk in chunks
        if set(document_terms(chunk.embedded_text).indices) & set(terms.indices)
    }
    async with open_store(kind) as store:
        await publish(store, *chunks)
        reader = store.reader()
        for vector, expected in (
            (EMBEDDER.embed_query(asked), visible),
            (terms, visible & sharing),
        ):
            hits = await reader.search(vector, visible_to=may_read, limit=1000)
            assert {hit.stored.chunk.id for hit in hits} == expected
            assert len(hits) == len(expected)
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
            everything = await reader.search(vector, visible_to=GateDecides(), limit=1000)
            assert expected <= {hit.stored.chunk.id for hit in everything}
        await reader.close()


STATE = {"backstage": {"component:default/shop#": "1", "shape": "ü"}, "files": {}}


async def test_the_state_of_the_sources_is_published_with_the_index(store: Store) -> None:
    writer = await store.writer()
    assert await writer.state() == {}
    await writer.upsert(embed(make_chunk()), run=RUN)
    await writer.publish(make_manifest(1), entities=(), state=STATE)
    await writer.close()
    later = await store.writer()
    assert await later.state() == STATE
    await later.close()
    rebuilding = await store.writer(rebuild=True)
    assert await rebuilding.state() == {}
    await rebuilding.close()


async def test_what_is_recorded_of_a_run_changes_nothing_else(store: Store) -> None:
    await publish(store, make_chunk())
    writer = await store.writer()
    before = await writer.manifest()
    await writer.record({"report": {"exit_code": 3}})
    await writer.close()
    again = await store.writer()
    assert await again.manifest() == before
    await again.close()

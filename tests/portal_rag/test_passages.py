"""Retrieval over a real embedded index: the filter, the gate, and what is shown of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portal_rag.corpus.documents import Chunk, DocumentKind
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.freshness import Freshness
from portal_rag.domain import Passage, Purpose, Query
from portal_rag.evidence.choosing import MOST_OF_ONE_PAGE, MOST_PASSAGES
from portal_rag.evidence.finding import Finding
from portal_rag.evidence.passages import MOST_RERANKED, ROUNDS, SHOWN_LENGTH, IndexPassages
from tests.factories import NOW, make_chunk, make_entity, make_question
from tests.fakes.indexes import EMBEDDER, publish_index
from tests.fakes.portal import FakePortal

SHOP = make_entity("component:default/shop")
CART = make_entity("component:default/cart")


async def find(
    directory: Path,
    chunks: Sequence[Chunk],
    portal: FakePortal,
    *,
    text: str = "drain the broker",
    kinds: frozenset[DocumentKind] = frozenset(),
    subjects: tuple[str, ...] = (),
) -> tuple[Passage, ...]:
    query = replace(
        documents_about(text),
        document_kinds=kinds,
        subjects=tuple(map(make_entity, subjects)),
    )
    return await find_for(query, directory, chunks, portal)


def documents_about(text: str) -> Query:
    return Query(
        intent="how_to",
        search_text=text,
        question=make_question(text),
        purpose="documents",
        topics=(),
        document_kinds=frozenset(),
        subjects=(),
    )


async def find_for(
    query: Query, directory: Path, chunks: Sequence[Chunk], portal: FakePortal
) -> tuple[Passage, ...]:
    return (await finding_for(query, directory, chunks, portal)).passages


async def finding_for(
    query: Query, directory: Path, chunks: Sequence[Chunk], portal: FakePortal
) -> Finding:
    await publish_index(directory, chunks)
    index = EdgeReader(directory, EMBEDDER.fingerprint)
    source = IndexPassages(
        index=index,
        embedder=EMBEDDER,
        clock=lambda: NOW,
        freshness=Freshness(default=timedelta(days=365)),
    )
    try:
        return await source.find(query, portal)
    finally:
        await index.close()


def page(text: str, number: int = 0, **given: object) -> Chunk:
    return make_chunk(text, page=f"page-{number}/", **given)


async def test_a_passage_says_where_it_is_from(tmp_path: Path) -> None:
    chunk = make_chunk("Drain the broker.", modified_at=NOW - timedelta(days=30))
    (passage,) = await find(tmp_path, [chunk], FakePortal([SHOP]))
    assert passage.text == "Drain the broker."
    assert passage.in_lexical
    assert passage.source.title == "shop > runbook"
    assert passage.source.url == chunk.url
    assert passage.source.modified_at == NOW - timedelta(days=30)
    assert not passage.source.stale


async def test_an_old_passage_is_stale(tmp_path: Path) -> None:
    chunk = make_chunk("Drain the broker.", modified_at=NOW - timedelta(days=366))
    (passage,) = await find(tmp_path, [chunk], FakePortal([SHOP]))
    assert passage.source.stale


async def test_what_the_asker_may_not_read_is_not_found(tmp_path: Path) -> None:
    chunks = [page("Drain the broker.", 1), page("Drain the broker.", 2, entity=str(CART.ref))]
    found = await find(tmp_path, chunks, FakePortal([SHOP, CART], hidden=[str(CART.ref)]))
    assert [passage.source.entity_ref for passage in found] == [SHOP.ref]


async def test_what_was_listed_but_is_hidden_by_now_does_not_pass_the_gate(tmp_path: Path) -> None:
    portal = FakePortal([SHOP], hidden=[str(SHOP.ref)], listed=[SHOP])
    assert await find(tmp_path, [make_chunk("Drain the broker.")], portal) == ()


@pytest.mark.parametrize("hidden", [SHOP.ref, CART.ref])
async def test_a_text_about_one_entity_in_the_files_of_another_needs_both(
    tmp_path: Path, hidden: object
) -> None:
    chunk = make_chunk("Drain the broker.", entity=str(SHOP.ref), resource=str(CART.ref))
    both = FakePortal([SHOP, CART])
    assert len(await find(tmp_path / "both", [chunk], both)) == 1
    one = FakePortal([SHOP, CART], hidden=[str(hidden)], listed=[SHOP, CART])
    assert await find(tmp_path / "one", [chunk], one) == ()


async def test_whoever_may_read_nothing_finds_nothing(tmp_path: Path) -> None:
    assert await find(tmp_path, [make_chunk("Drain the broker.")], FakePortal([])) == ()


async def test_a_portal_too_large_to_list_is_asked_about_ever_more_candidates(
    tmp_path: Path,
) -> None:
    """What may be read stands behind more hidden candidates than the first round asks for."""
    hidden = [
        page("drain the broker", number, entity="component:default/cart")
        for number in range(ROUNDS[0] + 10)
    ]
    readable = page("drain it, the way the broker manual says it should be done", 9999)
    portal = FakePortal([SHOP, CART], hidden=[str(CART.ref)], complete=False)
    (passage,) = await find(tmp_path, [*hidden, readable], portal)
    assert passage.source.entity_ref == SHOP.ref


@pytest.mark.parametrize("count", [0, 7, ROUNDS[0] + 10, ROUNDS[1] + 10])
async def test_each_chunk_that_the_gate_held_back_counts_once_and_its_like_are_left_out_then(
    tmp_path: Path, count: int
) -> None:
    hidden = [page("drain the broker", n, entity=str(CART.ref)) for n in range(count)]
    readable = page("drain it, the way the broker manual says it should be done", 9999)
    portal = FakePortal([SHOP, CART], hidden=[str(CART.ref)], complete=False)
    query = documents_about("drain the broker")
    finding = await finding_for(query, tmp_path, [*hidden, readable], portal)
    assert len(finding.passages) == 1
    assert min(count, ROUNDS[0]) <= finding.dropped <= min(count, 2 * ROUNDS[0])


async def test_what_the_query_already_leaves_out_is_not_counted_as_held_back(
    tmp_path: Path,
) -> None:
    chunks = [page("drain the broker", 1), page("drain the broker", 2, entity=str(CART.ref))]
    portal = FakePortal([SHOP, CART], hidden=[str(CART.ref)])
    query = documents_about("drain the broker")
    assert (await finding_for(query, tmp_path, chunks, portal)).dropped == 0


@pytest.mark.parametrize("every", [2, 5, 20])
async def test_what_is_hidden_moves_nothing_in_the_ranks_of_what_is_not(
    tmp_path: Path, every: int
) -> None:
    """Whether the query was filtered or the gate alone decided, and whether it is there or not."""
    chunks = [
        page(
            "drain " * (1 + n % 7) + "broker " * (1 + n % 11) + "queue " * (1 + n % 13),
            n,
            entity=str(SHOP.ref if n % every == 0 else CART.ref),
        )
        for n in range(240)
    ]
    filtered = FakePortal([SHOP, CART], hidden=[str(CART.ref)])
    gated = FakePortal([SHOP, CART], hidden=[str(CART.ref)], complete=False)
    expected = await find(tmp_path, chunks, filtered)
    assert len(expected) == MOST_PASSAGES
    assert await find(tmp_path, chunks, gated) == expected


async def test_not_even_how_rare_a_word_is_tells_of_what_is_hidden(tmp_path: Path) -> None:
    """Hidden pages are full of one of the two words, which makes it look common."""
    visible = [
        *(page("about the broker and more " * 3, n) for n in range(3)),
        *(page("how to drain and more " * 3, n) for n in range(3, 9)),
    ]
    hidden = [page("broker", n, entity=str(CART.ref)) for n in range(100, 180)]
    alone = await find(tmp_path / "alone", visible, FakePortal([SHOP]))
    gated = FakePortal([SHOP, CART], hidden=[str(CART.ref)], complete=False)
    assert await find(tmp_path / "all", [*visible, *hidden], gated) == alone


async def test_one_page_does_not_crowd_out_the_others(tmp_path: Path) -> None:
    crowd = [make_chunk(f"drain the broker {n}", ordinal=n) for n in range(10)]
    other = page("the broker has a drain", 1)
    found = await find(tmp_path, [*crowd, other], FakePortal([SHOP]))
    assert sum("runbook" in passage.source.url for passage in found) == MOST_OF_ONE_PAGE
    assert any("page-1" in passage.source.url for passage in found)


async def test_only_a_few_passages_are_used(tmp_path: Path) -> None:
    chunks = [page(f"drain the broker {number}", number) for number in range(20)]
    assert len(await find(tmp_path, chunks, FakePortal([SHOP]))) == MOST_PASSAGES


async def test_the_kind_of_document_and_the_entity_asked_about_come_first(tmp_path: Path) -> None:
    guide = page("drain the broker", 1)
    runbook = page("drain the broker soon", 2, kind="runbook")
    about = page("drain the broker later", 3, entity=str(CART.ref))
    portal = FakePortal([SHOP, CART])
    by_kind = await find(
        tmp_path / "kind", [guide, runbook, about], portal, kinds=frozenset({"runbook"})
    )
    assert by_kind[0].text == runbook.text
    by_entity = await find(
        tmp_path / "entity", [guide, runbook, about], portal, subjects=(str(CART.ref),)
    )
    assert by_entity[0].text == about.text
    assert [passage.is_about_subject for passage in by_entity] == [True, False, False]


async def test_an_incident_is_found_by_its_exact_number_alone(tmp_path: Path) -> None:
    chunks = [page("INC-117 charged twice", 1), page("INC-101 filled the disks", 2)]
    query = replace(documents_about("What happened in INC-101?"), ticket_ids=frozenset({"inc-101"}))
    found = await find_for(query, tmp_path, chunks, FakePortal([SHOP]))
    assert [passage.text for passage in found] == ["INC-101 filled the disks"]


async def test_documents_that_an_entity_borrows_are_about_it(tmp_path: Path) -> None:
    widget = make_entity(
        "component:default/widget",
        annotations={"backstage.io/techdocs-entity": str(SHOP.ref)},
    )
    query = replace(documents_about("drain the broker"), subjects=(widget,))
    (passage,) = await find_for(query, tmp_path, [make_chunk()], FakePortal([SHOP, widget]))
    assert passage.is_about_subject


async def test_a_question_for_facts_alone_does_not_search(tmp_path: Path) -> None:
    source = IndexPassages(
        index=EdgeReader(tmp_path, EMBEDDER.fingerprint),
        embedder=EMBEDDER,
        clock=lambda: NOW,
        freshness=Freshness(default=timedelta(days=365)),
    )
    purpose: Purpose = "facts"
    query = Query(
        intent="how_to",
        search_text="Who owns shop?",
        question=make_question("Who owns shop?"),
        purpose=purpose,
        topics=("owner",),
        document_kinds=frozenset(),
        subjects=(SHOP,),
    )
    assert (await source.find(query, FakePortal([SHOP]))).state == "not_applicable"


class LastFirst:
    """A reranker that prefers what ranked lowest."""

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        return [float(at) for at in range(len(passages))]


async def test_a_reranker_has_the_last_word_on_the_best_few(tmp_path: Path) -> None:
    chunks = [page(f"drain the broker {'now ' * n}", n) for n in range(MOST_RERANKED + 5)]
    await publish_index(tmp_path, chunks)
    index = EdgeReader(tmp_path, EMBEDDER.fingerprint)
    first, reranked = [
        await IndexPassages(
            index=index,
            embedder=EMBEDDER,
            clock=lambda: NOW,
            freshness=Freshness(default=timedelta(days=365)),
            reranker=reranker,
        ).find(documents_about("drain the broker"), FakePortal([SHOP]))
        for reranker in (None, LastFirst())
    ]
    await index.close()
    assert reranked.passages[0].score < min(passage.score for passage in first.passages)
    assert len(reranked.passages) == MOST_PASSAGES


async def test_of_a_long_passage_the_lines_that_match_are_shown_and_all_is_in_the_source(
    tmp_path: Path,
) -> None:
    text = "Nothing of note here.\n" * 100 + "Drain the broker first.\n" + "Nothing.\n" * 100
    (passage,) = await find(tmp_path, [make_chunk(text.strip())], FakePortal([SHOP]))
    assert "Drain the broker first." in passage.text
    assert len(passage.text) <= SHOWN_LENGTH
    assert passage.text in passage.source.excerpt
    assert passage.source.excerpt == text.strip()


async def test_the_signals_too_are_those_of_an_index_without_what_is_hidden(
    tmp_path: Path,
) -> None:
    visible = [page(f"drain the broker {'queue ' * (n % 5)}", n) for n in range(30)]
    hidden = [page("broker " * (1 + n % 3), n, entity=str(CART.ref)) for n in range(100, 190)]
    query = documents_about("drain the broker queue")
    alone = await finding_for(query, tmp_path / "alone", visible, FakePortal([SHOP]))
    gated = FakePortal([SHOP, CART], hidden=[str(CART.ref)], complete=False)
    among = await finding_for(query, tmp_path / "all", [*visible, *hidden], gated)
    assert alone.signals is not None
    assert among.signals == alone.signals

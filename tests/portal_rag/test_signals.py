from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from portal_rag.corpus.documents import Chunk
from portal_rag.corpus.edge_store import EdgeReader
from portal_rag.corpus.lexical import query_terms
from portal_rag.corpus.store import Hit, StoredChunk
from portal_rag.corpus.visibility import OnlyResources
from portal_rag.domain import Signals
from portal_rag.evidence.signals import DEPTH, signals_of
from tests.factories import NOW, make_chunk
from tests.fakes.indexes import EMBEDDER, publish_index

WORDS = ["broker", "drain", "restart", "kafka", "basket", "order", "invoice", "cache"]
PAGES = [
    make_chunk("Drain the broker, then restart the broker.", page="a/"),
    make_chunk("A basket keeps orders for three days.", page="b/"),
    make_chunk("Restart the cache after each invoice.", page="c/"),
    make_chunk("Nothing of interest stands here.", page="d/"),
]
OWN = OnlyResources(frozenset(chunk.entity_ref for chunk in PAGES))


def hit(text: str, score: float, page: str) -> Hit:
    chunk = make_chunk(text, page=page)
    return Hit(stored=StoredChunk(chunk=chunk, indexed_at=NOW), score=score)


async def searched(folder: Path, question: str, pages: list[Chunk]) -> Signals:
    await publish_index(folder, pages)
    reader, terms = EdgeReader(folder, EMBEDDER.fingerprint), query_terms(question)
    try:
        dense = await reader.search(EMBEDDER.embed_query(question), visible_to=OWN, limit=DEPTH)
        lexical = await reader.search(terms, visible_to=OWN, limit=DEPTH)
    finally:
        await reader.close()
    shown = [lexical[0].stored.chunk.embedded_text] if lexical else []
    signals = signals_of(dense, lexical, terms=terms.indices, shown=shown)
    assert signals is not None
    return signals


async def test_a_question_in_the_words_of_a_page_is_covered(tmp_path: Path) -> None:
    signals = await searched(tmp_path, "drain broker restart", PAGES)
    assert (signals.covered, signals.covered_by_all, signals.unknown) == (1.0, 1.0, 0.0)
    assert signals.terms == 3
    assert signals.lexical > 0.5


async def test_the_rarity_of_terms_is_found_in_the_scores(tmp_path: Path) -> None:
    """`restart` is on two pages, `broker` on one: the page with the rarer one covers more."""
    rare = await searched(tmp_path / "1", "broker invoice restart", PAGES)
    assert 2 / 3 < rare.covered < 1


async def test_terms_that_no_page_has_are_unknown_and_count_as_rare(tmp_path: Path) -> None:
    signals = await searched(tmp_path, "restart zeppelin", PAGES)
    assert signals.unknown == 0.5
    assert signals.covered <= 0.5


async def test_a_question_without_a_known_word_is_not_covered(tmp_path: Path) -> None:
    signals = await searched(tmp_path, "zeppelin", PAGES)
    assert (signals.lexical, signals.covered, signals.covered_by_all) == (0.0, 0.0, 0.0)
    assert signals.unknown == 1.0


def test_two_rankings_without_anything_have_no_signals() -> None:
    assert signals_of([], [], terms=query_terms("x").indices, shown=[]) is None


def test_the_agreement_is_the_share_that_both_begin_with() -> None:
    one, two = hit("broker", 2.0, "a/"), hit("drain", 1.0, "b/")
    terms = query_terms("broker drain")
    both = signals_of([one, two], [one, two], terms=terms.indices, shown=[])
    half = signals_of([one, hit("x", 0.1, "c/")], [one, two], terms=terms.indices, shown=[])
    assert both is not None
    assert half is not None
    assert (both.agreement, half.agreement) == (1.0, 0.5)


def test_a_question_of_stop_words_alone_has_no_terms() -> None:
    signals = signals_of(
        [hit("broker", 0.4, "a/")], [], terms=query_terms("the of").indices, shown=["x"]
    )
    assert signals is not None
    assert (signals.terms, signals.unknown, signals.covered) == (0, 0.0, 0.0)
    assert signals.similarity == 0.4


hits = st.lists(
    st.tuples(st.lists(st.sampled_from(WORDS), min_size=1, max_size=5), st.floats(0.01, 20)),
    max_size=60,
).map(
    lambda rows: [
        hit(" ".join(words), score, f"{number}/")
        for number, (words, score) in enumerate(sorted(rows, key=lambda row: -row[1]))
    ]
)


@given(dense=hits, lexical=hits, asked=st.sets(st.sampled_from([*WORDS, "zeppelin"]), max_size=6))
def test_shares_are_shares_and_what_lies_deeper_does_not_count(
    dense: list[Hit], lexical: list[Hit], asked: set[str]
) -> None:
    terms, shown = query_terms(" ".join(sorted(asked))), ["broker drain", "cache"]
    signals = signals_of(dense, lexical, terms=terms.indices, shown=shown)
    assert signals == signals_of(dense[:DEPTH], lexical[:DEPTH], terms=terms.indices, shown=shown)
    if signals is None:
        assert not dense
        assert not lexical
        return
    shares = (signals.covered, signals.covered_by_all, signals.unknown, signals.agreement)
    assert all(0 <= share <= 1 for share in shares)
    assert signals.similarity_gap >= 0
    assert signals.lexical_gap >= 0

"""Hints are collected, each once and only so many, and taken all at once."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from indexer.hinting import Hints
from portal_rag.corpus.entity_ref import EntityRef

SHOP, CART, CASH = (EntityRef("component", "default", name) for name in ("shop", "cart", "cash"))
REFS = st.one_of(
    st.none(),
    st.builds(EntityRef, st.just("component"), st.just("default"), st.text("abcd", min_size=1)),
)


def test_each_entity_is_taken_once_and_in_the_order_of_its_first_hint() -> None:
    hints = Hints()
    for entity in (SHOP, CART, SHOP):
        hints.post(entity)
    assert hints.take() == (SHOP, CART)
    assert hints.take() == ()


def test_a_general_hint_asks_for_one_ordinary_run_instead() -> None:
    hints = Hints()
    for entity in (SHOP, None, CART, None):
        hints.post(entity)
    assert hints.take() == (None,)
    hints.post(SHOP)
    assert hints.take() == (SHOP,)


def test_too_many_entities_ask_for_one_ordinary_run_instead() -> None:
    hints = Hints(most_entities=2)
    for entity in (SHOP, CART, SHOP):
        hints.post(entity)
    assert hints.take() == (SHOP, CART)
    for entity in (SHOP, CART, CASH):
        hints.post(entity)
    assert hints.take() == (None,)


async def test_waiting_ends_with_a_hint_and_begins_anew_when_it_is_taken() -> None:
    hints = Hints()
    waiting = asyncio.ensure_future(hints.wait())
    hints.post(SHOP)
    await waiting
    await hints.wait()
    hints.take()
    again = asyncio.ensure_future(hints.wait())
    await asyncio.sleep(0)
    assert not again.done()
    again.cancel()


@given(st.lists(REFS), st.integers(1, 5))
def test_whatever_is_posted_something_bounded_is_run_for_it(
    posted: list[EntityRef | None], most: int
) -> None:
    hints = Hints(most_entities=most)
    for entity in posted:
        hints.post(entity)
    taken = hints.take()
    assert len(taken) <= most
    assert taken == (None,) or set(taken) == set(posted)

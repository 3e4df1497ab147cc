from hypothesis import given
from hypothesis import strategies as st

from portal_rag.backstage.batching import batches


@given(
    items=st.lists(st.text(min_size=1, max_size=30)),
    most_items=st.integers(1, 10),
    most_bytes=st.integers(1, 60),
)
def test_batches_keep_everything_in_order_and_within_the_limits(
    items: list[str], most_items: int, most_bytes: int
) -> None:
    parts = list(batches(items, most_items=most_items, most_bytes=most_bytes, size=len))
    assert [item for part in parts for item in part] == items
    for part in parts:
        assert 1 <= len(part) <= most_items
        assert len(part) == 1 or sum(map(len, part)) <= most_bytes

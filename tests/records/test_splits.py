"""What splits keep for themselves."""

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.records.splits import Kept


@given(ids=st.sets(st.text(max_size=3)), other=st.text(max_size=3))
def test_listed_ids_are_held_and_no_others(ids: set[str], other: str) -> None:
    kept = Kept(items=tuple(sorted(ids)))
    assert all(kept.holds(identity) for identity in ids)
    assert kept.holds(other) == (other in ids)

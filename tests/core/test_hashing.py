import json

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.hashing import canonical, digest, md5_text, seed_from, unit_interval

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_a_digest_survives_storage_and_key_order(value: object) -> None:
    def reversed_keys(item: object) -> object:
        if isinstance(item, dict):
            return {key: reversed_keys(item[key]) for key in reversed(item)}
        return [reversed_keys(part) for part in item] if isinstance(item, list) else item

    assert (
        digest("t", json.loads(canonical(value)))
        == digest("t", value)
        == digest("t", reversed_keys(value))
    )


@given(values, values)
def test_different_values_have_different_digests(one: object, other: object) -> None:
    assert (digest("t", one) == digest("t", other)) == (canonical(one) == canonical(other))


@given(st.text(max_size=20))
def test_the_unit_interval_is_half_open_and_even(text: str) -> None:
    assert 0 <= unit_interval("t", text) < 1
    assert 0 <= seed_from("a", text) < 2**31


def test_known_values_do_not_drift() -> None:
    assert (
        digest("stage", {"kind": "data"})
        == "9cade61626046bb0173983d6baaf071da282f2b842d8f63ccd9b99f9ae740711"
    )
    assert md5_text("") == "d41d8cd98f00b204e9800998ecf8427e"
    shares = [unit_interval("lane", n) for n in range(4000)]
    assert abs(sum(share < 0.25 for share in shares) / 4000 - 0.25) < 0.03

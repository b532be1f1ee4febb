"""Settings in words."""

from dataenvgym_spec.results.settings import describe, different


def test_a_zero_is_said_and_what_is_off_is_not() -> None:
    lora = {"kind": "lora", "rank": 8, "dropout": 0.0, "bias": False, "target": None}
    assert describe(lora) == "lora (rank 8, dropout 0.0)"


def test_values_that_differ_only_in_what_words_leave_out_are_shown_in_full() -> None:
    off, unsaid = [{"name": "a", "config": {"x": False}}], [{"name": "a", "config": {}}]
    assert describe(off) == describe(unsaid)
    (found,) = different({"datasets": off}, {"datasets": unsaid})
    assert found.values == ('[{"config":{"x":false},"name":"a"}]', '[{"config":{},"name":"a"}]')
    assert not different({"stop": None}, {"stop": {}})

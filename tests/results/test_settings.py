"""Settings in words."""

from dataenvgym_spec.results.settings import describe


def test_a_zero_is_said_and_what_is_off_is_not() -> None:
    lora = {"kind": "lora", "rank": 8, "dropout": 0.0, "bias": False, "target": None}
    assert describe(lora) == "lora (rank 8, dropout 0.0)"

"""The shipped table against what models are known to have, and the arithmetic of memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dataenvgym_spec.execute.rehearsal.known import formats, known_models
from dataenvgym_spec.execute.rehearsal.memory import Sizes, memory

BILLIONS = {
    "google/gemma-2-2b-it": 2.614, "google/gemma-2-9b-it": 9.242,
    "google/paligemma-3b-pt-224": 2.923, "meta-llama/Meta-Llama-3-8B": 8.030,
    "meta-llama/Llama-3.2-1B-Instruct": 1.236, "meta-llama/Llama-3.2-3B-Instruct": 3.213,
    "Qwen/Qwen2.5-0.5B-Instruct": 0.494, "Qwen/Qwen2.5-1.5B-Instruct": 1.544,
    "Qwen/Qwen2.5-7B-Instruct": 7.616, "mistralai/Mistral-7B-Instruct-v0.3": 7.248,
    "HuggingFaceTB/SmolLM2-135M-Instruct": 0.1345, "HuggingFaceTB/SmolLM2-1.7B-Instruct": 1.711,
}  # fmt: skip
"""What the models' cards say of their weights."""
SIZES = Sizes(parameters=1000, trained=10, layers=2, width=8, pairs=4, vocabulary=100, positions=50)
TRAIN = SimpleNamespace(dtype="bfloat16", max_length=100, batch_size=3)
GENERATE = SimpleNamespace(dtype="float32", max_new_tokens=5, batch_size=7, samples=2, draws=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BILLIONS))
def test_the_table_gives_the_weights_that_are_known(name: str) -> None:
    from dataenvgym_spec.execute.rehearsal.memory import sizes_of
    from dataenvgym_spec.execute.rehearsal.students import real_config

    sizes = sizes_of(real_config(dict(known_models()[name].config)), None)
    assert sizes.parameters / 1e9 == pytest.approx(BILLIONS[name], rel=2e-3)


def test_every_format_is_there() -> None:
    assert {one.format for one in known_models().values() if one.format} == {*formats()}


def test_memory_of_an_adapter_and_of_all_weights() -> None:
    taken = memory(SIZES, train=TRAIN, generate=GENERATE, adapted=True, prompt=20)
    assert (taken.weights, taken.trained) == (2000, 160)
    assert taken.each == 50 * (34 * 8 * 2 + 8 * 100)
    assert taken.training - taken.least_training == 2 * taken.each
    assert (taken.served, taken.cache) == (4000, 2 * 2 * 4 * 4 * 25 * 7)
    whole = memory(SIZES, train=TRAIN, generate=GENERATE, adapted=False, prompt=60)
    assert whole.weights == 0
    # No sequence is longer than the model has room for.
    assert whole.cache == 2 * 2 * 4 * 4 * 50 * 7

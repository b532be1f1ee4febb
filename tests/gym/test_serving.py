"""How vLLM uses a machine comes from the environment, and an answer is never cut for it."""

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.gym.students.backends.serving import Serving, fits


def test_nothing_said_is_what_fits_on_one_device() -> None:
    assert Serving.of({}).options() == {"max_model_len": -1, "tensor_parallel_size": 1}


def test_what_is_said_is_handed_on() -> None:
    given = {
        "DATAENVGYM_VLLM_MEMORY": "0.5",
        "DATAENVGYM_VLLM_LENGTH": "4096",
        "DATAENVGYM_VLLM_GPUS": "2",
    }
    assert Serving.of(given).options() == {
        "max_model_len": 4096,
        "tensor_parallel_size": 2,
        "gpu_memory_utilization": 0.5,
    }


def test_beside_a_training_it_leaves_room_and_is_not_split() -> None:
    asked = {"DATAENVGYM_VLLM_GPUS": "2", "DATAENVGYM_VLLM_LENGTH": "4096"}
    usual = {"max_model_len": 4096, "tensor_parallel_size": 1, "gpu_memory_utilization": 0.3}
    assert Serving.in_training(asked).options() == usual
    more = Serving.in_training({**asked, "DATAENVGYM_VLLM_MEMORY": "0.5"})
    assert more.options() == {**usual, "gpu_memory_utilization": 0.5}


@pytest.mark.parametrize(
    ("name", "values"),
    [("MEMORY", ("1.5", "0", "-1", "nan", "all")), ("LENGTH", ("0", "4k")), ("GPUS", ("-2", "x"))],
)
def test_a_value_that_cannot_be_is_refused(name: str, values: tuple[str, ...]) -> None:
    for value in values:
        with pytest.raises(UserError, match=f"DATAENVGYM_VLLM_{name} is '{value}'"):
            Serving.of({f"DATAENVGYM_VLLM_{name}": value})


def test_an_answer_is_not_cut_because_of_the_memory() -> None:
    fits(4096, 4096)
    with pytest.raises(StageError, match="needs 4097 tokens, and vLLM has room for 4096"):
        fits(4097, 4096)

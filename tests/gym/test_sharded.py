"""Students that are spread over processes: what cannot be, before any of them is loaded."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from tests.support.training import job_in


class Quantized:
    """An adapter that reads its base in a way of its own."""

    def adapt(self, model: Any) -> Any:
        return model

    def read(self, base: Path, dtype: Any) -> Any:
        raise AssertionError("it is refused before")


def test_a_quantized_base_is_not_spread(tmp_path: Path) -> None:
    from dataenvgym_spec.gym.students.trainers.sharded import require

    job = job_in(tmp_path, tmp_path, {}, adapter=Quantized(), processes=2)
    require(job)  # each process has the whole of it
    with pytest.raises(StageError, match="a quantized base cannot be spread") as caught:
        require(dataclasses.replace(job, distribution="fsdp2"))
    assert caught.value.help == "set training.distribution in hardware.yaml to ddp"

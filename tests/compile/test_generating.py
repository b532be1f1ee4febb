"""A backend that a trainer or a teacher has the student generate in serves that student."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.graphs import findings
from tests.support.specs import tiny

SAMPLED: dict[str, Any] = {"method": {"kind": "grpo", "sampler": "vllm"}}
DORA: dict[str, Any] = {"adapter": {"kind": "dora"}}
REFUSED = (
    "the adapter 'dora' does not serve the backend 'vllm'",
    "it serves transformers; choose another adapter or another backend",
)
SERVED: dict[str, Any] = {"kind": "scratch", "hidden_size": 64, "heads": 2}
WIDE = "vLLM cannot serve a student whose heads are 20 wide"


def said(folder: Path, **sections: Any) -> list[tuple[str, str]]:
    sections["student"] = {"model": SERVED, **sections["student"]}
    return [(one.message, one.help) for one in findings(folder, tiny(**sections))]


@pytest.mark.parametrize("adapter", ["lora", "qlora"])
def test_an_adapter_that_vllm_loads_is_trained_by_its_answers(adapter: str, tmp_path: Path) -> None:
    assert said(tmp_path, student={"train": {**SAMPLED, "adapter": {"kind": adapter}}}) == []


def test_another_adapter_is_refused_where_vllm_answers_in_its_training(tmp_path: Path) -> None:
    assert said(tmp_path, student={"train": {**SAMPLED, **DORA}}) == [REFUSED]
    own = {"method": {"kind": "grpo", "sampler": "transformers"}}
    assert said(tmp_path, student={"train": {**own, **DORA}}) == []


def test_and_where_the_student_teaches_in_vllm_unless_it_is_the_base(tmp_path: Path) -> None:
    def teaching(**options: Any) -> list[tuple[str, str]]:
        teacher = {"kind": "student", "backend": "vllm", **options}
        return said(tmp_path, student={"train": DORA}, teachers={"self": teacher})

    assert teaching() == [REFUSED]
    assert teaching(which="base") == teaching(backend="transformers") == []


def test_the_limits_of_vllm_hold_where_it_answers_in_training(tmp_path: Path) -> None:
    model = {**SERVED, "hidden_size": 40}
    student = {"model": model, "train": SAMPLED}
    assert [message for message, _ in said(tmp_path, student=student)] == [WIDE]
    assert said(tmp_path, student={"model": model}) == []

"""How a model prepares itself; real pretraining is in the golden bytes and in the quickstart."""

from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.models.path import Local
from dataenvgym_spec.gym.students.models.protocol import ModelTools, Pretraining
from dataenvgym_spec.records.items import Item

RECIPE = {
    "length": {"steps": 3},
    "learning_rate": 1e-3,
    "batch_size": 4,
    "warmup_ratio": 0.05,
    "weight_decay": 0.01,
}
SIZES = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "layers": 1,
    "heads": 2,
    "max_positions": 32,
    "initializer_range": 0.06,
    "rope_theta": 1000.0,
    "vocabulary": 110,
}


class Counting:
    """A source whose items are numbers from its seed on."""

    procedural = True

    def groups(self) -> list[str]:
        return ["a", "b"]

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        for number in count(seed % 1000):
            name = f"{group}{number}"
            yield Item(id=name, input=name, target=str(number), group=group, cluster=name)


def tools(work: Path, pretraining: Pretraining | None = None, **more: Any) -> ModelTools:
    phase = more.get("phase", lambda _name: nullcontext())
    say = more.get("say", lambda _text: None)
    return ModelTools(work=work, say=say, phase=phase, pretraining=pretraining)


def test_a_local_model_is_copied_and_checked(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    with pytest.raises(StageError, match="holds no model"):
        Local(path=base).prepare(tmp_path / "out", tools(tmp_path))
    (base / "config.json").write_text("{}", encoding="utf-8")
    (base / "model.safetensors").write_bytes(b"weights")
    phases: list[str] = []

    def phase(name: str) -> Any:
        phases.append(name)
        return nullcontext()

    assert Local(path=base).prepare(tmp_path / "out", tools(tmp_path, phase=phase)) == {}
    contents = Contents(tmp_path)
    assert contents.digest(tmp_path / "out") == contents.digest(base)
    assert phases == ["fetch"]


def test_a_model_from_scratch_learns_what_is_free(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from dataenvgym_spec.gym.students.models.scratch import ScratchModel

    trained: list[Any] = []
    said: list[str] = []
    pretraining = Pretraining(
        seed=5,
        prompt=lambda item: f"{item.input} =",
        free=lambda item: item.id.endswith(("0", "5")),
        train=lambda base, examples, settings: trained.append((base, examples, settings)),
    )
    model = ScratchModel(
        **SIZES, pretrain={**RECIPE, "source": Counting(), "examples": {"b": 2, "a": 3}}
    )
    facts = model.prepare(tmp_path / "out", tools(tmp_path, pretraining, say=said.append))
    ((base, examples, settings),) = trained
    assert base == tmp_path / "blank"
    assert [item.group for item in examples] == ["a", "a", "a", "b", "b"]
    assert all(item.id.endswith(("0", "5")) for item in examples)
    first = seed_from("pretrain", 5, "a") % 1000
    assert int(examples[0].target) == first + -first % 5
    assert settings.plain() == {
        **RECIPE, "schedule": "cosine", "max_grad_norm": 1.0, "max_length": 1024, "dtype": "float32",
    }  # fmt: skip
    assert facts == {"parameters": AutoModelForCausalLM.from_pretrained(base).num_parameters()}
    assert said == [
        f"  {facts['parameters'] / 1e6:.2f} million parameters, 5 examples to pretrain on"
    ]
    assert AutoTokenizer.from_pretrained(base)("4711").input_ids.__len__() == 4

"""How a model prepares itself; real pretraining is in the golden bytes and in the quickstart."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.students.models.hub import HubModel
from dataenvgym_spec.gym.students.models.path import Local
from dataenvgym_spec.gym.students.models.protocol import Existing, Found, ModelTools, Pretraining
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


def test_a_local_model_is_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="holds no model"):
        Local(path=tmp_path).find()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert Local(path=tmp_path).find() == Found(folder=tmp_path)
    assert isinstance(Local(path=tmp_path), Existing)


COMMIT = "c" * 40


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache of this machine, with one model; returns its snapshot."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = tmp_path / "hub" / "models--maker--small"
    snapshot = model / "snapshots" / COMMIT
    for folder in (model / "blobs", snapshot):
        folder.mkdir(parents=True)
    for name, size in {"config.json": 2, "model.safetensors": 50, "pytorch_model.bin": 70}.items():
        (model / "blobs" / name).write_bytes(b"x" * size)
        (snapshot / name).symlink_to(f"../../blobs/{name}")
    return snapshot


def test_a_model_of_the_hub_stays_in_the_hubs_cache(hub: Path) -> None:
    model = HubModel(id="maker/small", revision=COMMIT)
    # What other programs fetched besides is not counted.
    assert model.find() == Found(folder=hub, size=52)
    assert model.find(52) == Found(folder=hub, size=52)
    assert isinstance(model, Existing)
    with pytest.raises(StageError, match="cannot be downloaded"):
        HubModel(id="maker/small", revision="d" * 40).find()


def test_a_model_of_which_only_a_part_is_here_is_none(hub: Path) -> None:
    """Its size would go into the result, and no other machine would find it."""
    weights = hub / "model.safetensors"
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    model = HubModel(id="maker/small", revision=COMMIT)
    weights.rename(hub / "model-1.safetensors")
    with pytest.raises(StageError, match=r"not whole: 'model\.safetensors' is missing") as caught:
        model.find()
    assert "with the network" in caught.value.help
    (hub / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(StageError, match=r"'model-2\.safetensors' is missing"):
        model.find()
    (hub / "model-2.safetensors").write_bytes(b"xx")
    assert model.find().folder == hub


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

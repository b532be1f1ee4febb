"""Supervised fine-tuning in this process: what it refuses, what it stamps, and in which precision."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.trainers.protocol import Job
from dataenvgym_spec.records.files import read_rows
from tests.support.students import SETTINGS, untrained, with_settings
from tests.support.training import job_in, sums

Train = Callable[..., Path]
QUICK = {"length": {"steps": 2}, "batch_size": 5}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("base") / "student")


def _job(folder: Path, base: Path, **more: Any) -> Job:
    own = {name: more.pop(name) for name in ("adapter", "processes") if name in more}
    sums(folder / "examples.jsonl", 20)
    return job_in(folder, base, {**QUICK, **more}, device_batch=5, **own)


def _trained(folder: Path, base: Path, **more: Any) -> dict[str, Any]:
    """Trains; returns the facts."""
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    Sft().train(_job(folder, base, **more))
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    return facts


@pytest.mark.parametrize("steps", [1, 2, 5, 7])
def test_the_first_and_the_last_step_are_in_the_curve(
    steps: int, tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _trained(tmp_path, base, length={"steps": steps})
    curve = read_rows(tmp_path / "loss.jsonl")
    assert [row["step"] for row in curve] == sorted({1, steps, *range(5, steps + 1, 5)})
    assert all(0 < row["loss"] < 100 for row in curve)
    assert f"step {steps}/{steps}, loss {curve[-1]['loss']:.3f}" in capsys.readouterr().out


def test_a_student_whose_loss_is_no_number_is_refused_in_the_first_step(
    tmp_path: Path, base: Path
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(base, tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StageError, match="the loss is nan in step 1") as caught:
        _trained(tmp_path, copy)
    assert "before it has learned anything" in (caught.value.help or "")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("steps", "said"), [(3, "the loss is nan in step 2"), (1, "no finite numbers after step 1")]
)
def test_a_training_that_leaves_the_numbers_fails_with_its_step(
    steps: int, said: str, tmp_path: Path, base: Path
) -> None:
    with pytest.raises(StageError, match=said) as caught:
        _trained(tmp_path, base, length={"steps": steps}, learning_rate=1e38, warmup_ratio=0.0)
    assert caught.value.help == "lower the learning rate"
    assert not (tmp_path / "facts.json").exists()


def test_float16_without_a_gpu_is_refused(tmp_path: Path, base: Path) -> None:
    with pytest.raises(StageError, match="float16 is trained on a GPU only") as caught:
        _trained(tmp_path, base, dtype="float16")
    assert caught.value.help == "set student.train.dtype to bfloat16 or float32"


def test_what_is_cut_is_said_and_counted(
    tmp_path: Path, base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = _trained(tmp_path, base, max_length=7)
    assert (facts["examples"], facts["cut"], facts["left_out"]) == (20, 1, 0)
    assert "of 20 examples, 1 are cut to 7 tokens" in capsys.readouterr().out


def test_a_model_that_decodes_as_it_cannot_be_saved_is_trained(tmp_path: Path, base: Path) -> None:
    """As Llama 2, which has a temperature and does not sample."""
    llama = {"temperature": 0.6, "top_p": 0.9, "pad_token_id": 0, "eos_token_id": [1, 5]}
    for name, settings in {"llama": llama, "full": SETTINGS}.items():
        folder = tmp_path / name
        folder.mkdir()
        _trained(folder, with_settings(base, folder / "base", **settings))
        saved = json.loads((folder / "out" / "generation_config.json").read_text(encoding="utf-8"))
        special = {"eos_token_id": settings["eos_token_id"], "pad_token_id": 0}
        assert saved.items() >= special.items()
        assert not (settings.keys() - special.keys()) & saved.keys()


def test_what_cannot_be_saved_fails_before_the_first_step(tmp_path: Path, base: Path) -> None:
    class Stubborn:
        def adapt(self, model: Any) -> Any:
            model.save_pretrained = self.refuse
            return model

        def refuse(self, *_: Any, **__: Any) -> None:
            raise NotImplementedError("these weights are written nowhere")

    with pytest.raises(StageError, match=r"could not be saved .* written nowhere"):
        _trained(tmp_path, base, adapter=Stubborn())
    assert not (tmp_path / "loss.jsonl").exists()


def test_a_process_that_is_alone_where_two_should_be_refuses(tmp_path: Path, base: Path) -> None:
    with pytest.raises(StageError, match="2 processes were to train, and 1 do"):
        _trained(tmp_path, base, processes=2)


def test_bfloat16_changes_all_weights_in_small_steps(tmp_path: Path, base: Path) -> None:
    """Without a float32 master most of them would stay what they are."""
    from safetensors.torch import load_file

    facts = _trained(tmp_path, base, dtype="bfloat16", learning_rate=1e-5, schedule="constant")
    assert (facts["precision"], facts["weights"]) == ("bfloat16", "float32")
    before = load_file(base / "model.safetensors")
    after = load_file(tmp_path / "out" / "model.safetensors")
    moved = sum(int((after[name] != numbers).sum()) for name, numbers in before.items())
    total = sum(numbers.numel() for numbers in before.values())
    assert moved > 0.95 * total


def test_bfloat16_computes_in_bfloat16(tmp_path: Path, base: Path) -> None:
    curves = []
    for dtype in ("float32", "bfloat16"):
        folder = tmp_path / dtype
        folder.mkdir()
        _trained(folder, base, dtype=dtype)
        curves.append([row["loss"] for row in read_rows(folder / "loss.jsonl")])
    assert curves[0] != curves[1]
    assert curves[0] == pytest.approx(curves[1], rel=0.01)


def test_an_adapter_is_float32_on_a_base_of_less(tmp_path: Path, base: Path) -> None:
    import torch
    from safetensors.torch import load_file

    from dataenvgym_spec.gym.students.trainers.student import load

    adapter = Lora(r=2, alpha=4, dropout=0.0)
    model = load(_job(tmp_path, base, adapter=adapter, dtype="bfloat16"))
    kinds = {(part.requires_grad, part.dtype) for part in model.parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}
    facts = _trained(tmp_path, base, adapter=adapter, dtype="bfloat16")
    assert (facts["precision"], facts["weights"]) == ("bfloat16", "float32")
    saved = load_file(tmp_path / "out" / "adapter_model.safetensors")
    assert {numbers.dtype for numbers in saved.values()} == {torch.float32}


def test_float32_is_float32_throughout(tmp_path: Path, base: Path) -> None:
    facts = _trained(tmp_path, base, adapter=Lora(r=2, alpha=4, dropout=0.0))
    assert (facts["precision"], facts["weights"]) == ("float32", "float32")
    text = (tmp_path / "out" / "adapter_config.json").read_text(encoding="utf-8")
    layers = json.loads(text)["target_modules"]
    assert layers == sorted(layers)


def test_activations_that_are_computed_again_change_nothing(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.models.llama.modeling_llama import LlamaAttention

    from dataenvgym_spec.gym.students.trainers.sft import Sft

    calls = []
    forward = LlamaAttention.forward

    def counted(self: Any, *args: Any, **more: Any) -> Any:
        calls.append(self)
        return forward(self, *args, **more)

    monkeypatch.setattr(LlamaAttention, "forward", counted)
    counts, weights = [], []
    for recompute in (False, True):
        folder = tmp_path / str(recompute)
        folder.mkdir()
        Sft().train(dataclasses.replace(_job(folder, base), recompute=recompute))
        counts.append(len(calls))
        weights.append((folder / "out" / "model.safetensors").read_bytes())
        calls.clear()
    assert counts[1] == 2 * counts[0] > 0
    assert weights[0] == weights[1]

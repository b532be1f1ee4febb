"""Adapters apply themselves, and vLLM is asked only for what it can load."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.dora import Dora
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.adapters.stored import trained_on
from dataenvgym_spec.gym.students.backends.lora import largest_rank
from dataenvgym_spec.records.files import read_rows
from tests.support.students import untrained
from tests.support.training import job_in, sums


def test_lora_adds_matrices_to_the_linear_layers_and_trains_nothing_else(tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    model = Lora(r=3, alpha=5, dropout=0.25).adapt(LlamaForCausalLM(config))
    trained = {name for name, weights in model.named_parameters() if weights.requires_grad}
    layers = {name.split(".lora_")[0].rpartition(".")[2] for name in trained}
    assert all(".lora_A." in name or ".lora_B." in name for name in trained)
    assert layers == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    }  # fmt: skip
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert (saved["peft_type"], saved["r"], saved["lora_alpha"]) == ("LORA", 3, 5)
    assert (saved["lora_dropout"], saved["task_type"]) == (0.25, "CAUSAL_LM")
    assert saved["base_model_name_or_path"] == ""
    assert largest_rank(tmp_path) == 8


def test_an_adapter_of_an_earlier_training_is_trained_on(tmp_path: Path) -> None:
    """It goes on where it was, with its own settings, and is stored as it was before."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    torch.manual_seed(1)
    model = Lora(r=3, alpha=5, dropout=0.0).adapt(LlamaForCausalLM(config))
    weights = {name: part for name, part in model.named_parameters() if part.requires_grad}
    for part in weights.values():
        torch.nn.init.normal_(part)
    model.save_pretrained(tmp_path / "first")
    again = trained_on(LlamaForCausalLM(config), tmp_path / "first")
    trainable = {name: part for name, part in again.named_parameters() if part.requires_grad}
    assert trainable.keys() == weights.keys()
    assert all(torch.equal(part, weights[name]) for name, part in trainable.items())
    again.save_pretrained(tmp_path / "second")
    first, second = (tmp_path / name / "adapter_config.json" for name in ("first", "second"))
    assert json.loads(first.read_text(encoding="utf-8")) == json.loads(
        second.read_text(encoding="utf-8")
    )


def _student() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def test_what_an_adapter_changes_and_how_it_scales_can_be_said(tmp_path: Path) -> None:
    import torch

    plain = Lora(r=4, alpha=8, dropout=0.0, targets=["v_proj", "q_proj"])
    model = plain.adapt(_student())
    layers = {name.split(".lora_")[0].rpartition(".")[2] for name in _trained(model)}
    assert layers == {"q_proj", "v_proj"}
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "adapter_config.json").read_text(encoding="utf-8"))
    assert saved["target_modules"] == ["q_proj", "v_proj"], "in one order, however it was said"
    rooted = Lora(r=4, alpha=8, dropout=0.0, rslora=True).adapt(_student())
    layer = rooted.get_submodule("base_model.model.model.layers.0.self_attn.q_proj")
    assert layer.scaling == {"default": 8 / 4**0.5}
    dora = Dora(r=4, alpha=8, dropout=0.0, targets=["q_proj"]).adapt(_student())
    kinds = {name.rpartition("q_proj.")[2].partition(".")[0] for name in _trained(dora)}
    assert kinds == {"lora_A", "lora_B", "lora_magnitude_vector"}
    assert all(torch.isfinite(part).all() for part in dora.parameters())


def _trained(model: Any) -> list[str]:
    return [name for name, weights in model.named_parameters() if weights.requires_grad]


def test_a_layer_that_the_student_lacks_is_said_before_the_training() -> None:
    with pytest.raises(StageError, match="has no module 'c_attn'") as caught:
        Lora(r=4, alpha=8, dropout=0.0, targets=["q_proj", "c_attn"]).adapt(_student())
    assert "down_proj" in (caught.value.help or "")


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
@pytest.mark.parametrize("double", [False, True])
def test_a_quantized_base_is_trained_and_the_adapter_is_one_of_lora(
    double: bool, tmp_path: Path
) -> None:
    import torch

    from dataenvgym_spec.gym.students.adapters.qlora import Qlora
    from dataenvgym_spec.gym.students.pretrained import read_model
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    base = untrained(tmp_path / "base")
    adapter = Qlora(quant="nf4", double_quant=double, r=4, alpha=8, dropout=0.0)
    quantized = adapter.read(base, torch.float32)
    assert any(type(part).__name__ == "Linear4bit" for part in quantized.modules())
    work = tmp_path / "work"
    work.mkdir()
    sums(work / "examples.jsonl", 20)
    settings = {"length": {"steps": 8}, "batch_size": 5, "learning_rate": 1e-2}
    Sft().train(job_in(work, base, settings, device_batch=5, adapter=adapter))
    losses = [row["loss"] for row in read_rows(work / "loss.jsonl")]
    assert losses[-1] < losses[0]
    assert largest_rank(work / "out") == 8, "what vLLM loads"
    read_model(base, dtype=torch.float32, adapter=work / "out")


@pytest.mark.parametrize(("rank", "largest"), [(8, 8), (9, 16), (257, 320), (512, 512)])
def test_vllm_is_told_a_rank_that_it_takes(rank: int, largest: int, tmp_path: Path) -> None:
    from peft import LoraConfig

    LoraConfig(r=rank).save_pretrained(str(tmp_path))
    assert largest_rank(tmp_path) == largest


def test_what_vllm_cannot_load_is_said(tmp_path: Path) -> None:
    from peft import IA3Config, LoraConfig

    LoraConfig(r=513).save_pretrained(str(tmp_path / "large"))
    with pytest.raises(StageError, match="up to rank 512, and this one has 513"):
        largest_rank(tmp_path / "large")
    LoraConfig(r=8, use_dora=True).save_pretrained(str(tmp_path / "dora"))
    with pytest.raises(StageError, match="without DoRA, and this one has it"):
        largest_rank(tmp_path / "dora")
    IA3Config().save_pretrained(str(tmp_path / "scales"))
    with pytest.raises(StageError, match="LoRA adapters only, and this one is IA3"):
        largest_rank(tmp_path / "scales")

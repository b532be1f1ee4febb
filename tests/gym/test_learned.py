"""The output layer sees only what carries loss, and the loss and gradients are those of all positions."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.students import untrained
from tests.support.training import job_in

LABELS = [[-100, -100, 7, 8, -100], [-100, 5, -100, -100, -100]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("base") / "student")


def _model(base: Path) -> Any:
    import torch

    from dataenvgym_spec.gym.students.pretrained import read_model

    return read_model(base, dtype=torch.float32)


def _seen(model: Any) -> list[tuple[int, ...]]:
    """The shapes that the output layer is handed, once it is called."""
    shapes: list[tuple[int, ...]] = []
    layer = model.get_output_embeddings()
    layer.register_forward_pre_hook(lambda _, inputs: shapes.append(tuple(inputs[0].shape)))
    return shapes


def _gradients(model: Any) -> list[Any]:
    return [part.grad for part in model.parameters()]


@pytest.mark.parametrize("bound", [None, 2.0])
def test_loss_and_gradients_are_those_of_all_positions(base: Path, bound: float | None) -> None:
    """A model that bounds its scores, as Gemma 2 does, bounds them still."""
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM
    from transformers.loss.loss_utils import ForCausalLMLoss

    from dataenvgym_spec.gym.students.trainers.learned import Learned

    sizes = {"vocab_size": 120, "hidden_size": 32, "intermediate_size": 64, "head_dim": 16}
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    torch.manual_seed(0)
    model = Gemma2ForCausalLM(
        Gemma2Config(**sizes, **layers, final_logit_softcapping=bound, attn_logit_softcapping=None)
    )
    ids, labels = torch.arange(10).reshape(2, 5), torch.tensor(LABELS)
    tokens = torch.tensor(3)
    whole = ForCausalLMLoss(model(ids).logits, labels, 120, num_items_in_batch=tokens)
    whole.backward()
    expected = _gradients(model)
    model.zero_grad()
    learned = Learned(model)
    seen = _seen(model)
    learned.look(labels)
    loss = learned.loss(model(ids), labels, tokens)
    loss.backward()
    assert seen == [(1, 3, 32)]
    torch.testing.assert_close(loss, whole, rtol=1e-6, atol=1e-7)
    for one, other in zip(_gradients(model), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_scores_of_all_positions_will_do(base: Path) -> None:
    """As a model gives them that never calls its output layer."""
    import torch

    from dataenvgym_spec.gym.students.trainers.learned import Learned

    labels, tokens = torch.tensor(LABELS), torch.tensor(3)
    logits = torch.randn(2, 5, 120)
    learned = Learned(SimpleNamespace(get_output_embeddings=lambda: None))
    learned.look(labels)
    whole = learned.loss({"logits": logits}, labels, tokens)
    picked = torch.stack([logits[0, 1], logits[0, 2], logits[1, 0]])[None]
    torch.testing.assert_close(learned.loss({"logits": picked}, labels, tokens), whole)


def test_a_batch_without_examples_has_a_loss_of_zero_and_gradients(base: Path) -> None:
    import torch

    from dataenvgym_spec.gym.students.trainers.learned import Learned

    model = _model(base)
    learned = Learned(model)
    labels = torch.full((1, 2), -100)
    learned.look(labels)
    loss = learned.loss(model(torch.zeros(1, 2, dtype=torch.long)), labels, torch.tensor(4))
    loss.backward()
    assert loss.item() == 0
    assert all(grad is not None and not grad.any() for grad in _gradients(model))


@pytest.mark.parametrize("adapted", [False, True])
def test_training_computes_no_score_of_a_prompt_or_of_padding(
    adapted: bool, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataenvgym_spec.gym.students.adapters.lora import Lora
    from dataenvgym_spec.gym.students.trainers import sft, student
    from dataenvgym_spec.gym.students.trainers.protocol import Job
    from dataenvgym_spec.records.files import write_rows

    seen: list[tuple[int, ...]] = []
    real = student.load

    def load(job: Job) -> Any:
        model = real(job)
        layer = model.get_output_embeddings()
        layer.register_forward_hook(lambda _, __, out: seen.append(tuple(out.shape)))
        return model

    monkeypatch.setattr(student, "load", load)
    rows = [("1 + 2 + 3 + 4 =", "10"), ("3 + 4 =", "7")]
    given = [{"prompt": prompt, "completion": answer} for prompt, answer in rows]
    write_rows(tmp_path / "examples.jsonl", given)
    lora = Lora(r=2, alpha=4, dropout=0.0) if adapted else None
    settings = {"length": {"steps": 1}, "batch_size": 2}
    job = job_in(tmp_path, base, settings, adapter=lora, device_batch=2)
    sft.Sft().train(job)
    # Two digits and one, each with its end.
    assert [shape[:-1] for shape in seen] == [(1, 5)]

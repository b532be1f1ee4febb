"""vLLM beside a training: it answers with the weights as they are, and disturbs nothing."""

import json
import random
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.records.files import read_rows
from tests.support.judged import Longer, examples, job, killed, same
from tests.support.students import untrained
from tests.support.training import alone

ADAPTER = Lora(r=2, alpha=4, dropout=0.0)
STEPS = 12
OWN = "from tests.gym.test_vllm_sampler import ADAPTER, asked, trained"


# --- what it answers ---------------------------------------------------------------------------


def asked(folder: Path, base: Path, other: Path) -> None:
    """Writes what vLLM answers before and after weights change, and what the model itself does."""
    said: dict[str, Any] = {}
    for name, adapter in (("all", None), ("adapter", ADAPTER)):
        said[name] = _asked(folder / name, base, other, adapter)
    (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")


def _asked(folder: Path, base: Path, other: Path, adapter: Lora | None) -> dict[str, Any]:
    import torch
    from transformers import AutoModelForCausalLM

    from dataenvgym_spec.gym.students.trainers import student
    from dataenvgym_spec.gym.students.trainers.vllm_sampler import VllmSampler

    folder.mkdir()
    training = job(folder / "job", base, Longer(), adapter=adapter)
    model = student.load(training)
    sampler = VllmSampler(training, model, answers=8, longest=6, temperature=0.0, top_p=1.0)
    prompts = [sampler.engine.codec.encode(row.prompt) for row in examples(8)]
    told: dict[str, Any] = {"said": [], "own": []}
    for step in range(3):
        if step and adapter is None:
            folder = (other, base)[step - 1]
            model.load_state_dict(AutoModelForCausalLM.from_pretrained(folder).state_dict())
        for place, part in enumerate(student.trained(model) if adapter and step else ()):
            torch.manual_seed(100 * step + place)
            part.data.normal_(std=0.5)
        before = [part.clone() for part in model.parameters()]
        told["said"].append(sampler.answers(model, prompts, range(8))[0])
        told["own"].append([_greedy(model, prompt, sampler) for prompt in prompts])
        pairs = zip(before, model.parameters(), strict=True)
        assert all(torch.equal(one, now) for one, now in pairs), "what is trained is not touched"
    sampler.temperature, sampler.top_p = 1.0, 0.9
    narrow, of_fewer = sampler.answers(model, prompts, range(8))
    sampler.top_p = 1.0
    drawn, logprobs = sampler.answers(model, prompts, range(8))
    told["again"] = sampler.answers(model, prompts[::-1], range(8)[::-1])[0][::-1]
    told |= {"drawn": drawn, "others": sampler.answers(model, prompts, range(8, 16))[0]}
    own = [_logprobs(model, *pair) for pair in zip(prompts, drawn, strict=True)]
    told["apart"] = _apart(logprobs, own)
    # Of fewer tokens each is likelier.
    of_all = [_logprobs(model, *pair) for pair in zip(prompts, narrow, strict=True)]
    told["narrow"] = sum(map(sum, of_fewer)) > sum(map(sum, of_all))
    _kept.append(sampler)  # what ends an engine ends the groups of all
    return told


_kept: list[Any] = []


def _greedy(model: Any, prompt: list[int], sampler: Any) -> list[int]:
    import torch

    ends = sorted(sampler.engine.codec.ends)
    given = torch.tensor([prompt])
    with torch.no_grad():
        whole = model.generate(
            input_ids=given,
            attention_mask=torch.ones_like(given),
            do_sample=False,
            max_new_tokens=6,
            eos_token_id=ends,
            pad_token_id=ends[0],
        )
    answer: list[int] = whole[0, len(prompt) :].tolist()
    return answer


def _logprobs(model: Any, prompt: list[int], answer: list[int]) -> list[float]:
    import torch

    with torch.no_grad():
        scores = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    rows = scores.log_softmax(-1)
    return [float(row[token]) for row, token in zip(rows, answer, strict=True)]


def _apart(one: list[list[float]], other: list[list[float]]) -> float:
    """The largest difference."""
    pairs = zip(chain(*one), chain(*other), strict=True)
    return max(abs(first - second) for first, second in pairs)


@pytest.mark.slow
def test_it_answers_with_the_weights_of_the_step(tmp_path: Path) -> None:
    """All of them, with an output layer that shares those of the input, or an adapter's."""
    pytest.importorskip("vllm")
    base, other = untrained(tmp_path / "base"), untrained(tmp_path / "other", seed=1)
    alone(f"{OWN}\nasked(*map(Path, sys.argv[1:]))", tmp_path, base, other)
    for told in json.loads((tmp_path / "said.json").read_text(encoding="utf-8")).values():
        assert told["said"] == told["own"]
        first, second, third = told["said"]
        assert first != second and second != third
        assert told["again"] == told["drawn"] != told["others"]
        assert told["apart"] < 1e-4
        assert told["narrow"]


# --- a training --------------------------------------------------------------------------------


def trained(folder: Path, base: Path, before: Path | None, adapter: Lora | None) -> None:
    """Trains by answers of vLLM; from a checkpoint of an earlier training if there is one."""
    from dataenvgym_spec.gym.students.trainers.grpo import Grpo

    more = {"learning_rate": 2e-2 if adapter else 5e-3, "length": {"steps": STEPS}}
    more |= {"batch_size": 4, "device_batch": 2, "checkpoint_seconds": 0, "adapter": adapter}
    training = job(folder, base, Longer(), **more)
    if before is not None:
        killed(training, before, after=STEPS - 2)
    method = Grpo(
        samples=4,
        temperature=1.0,
        top_p=1.0,
        max_new_tokens=3,
        beta=0.01 if adapter else 0.0,
        epsilon=0.2,
        weighing="dapo",
        scale="group",
        sampler="vllm",
    )
    method.train(training)


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ["None", "ADAPTER"])
def test_rewards_move_the_student_and_a_killed_training_goes_on_to_the_same_bytes(
    adapter: str, tmp_path: Path
) -> None:
    pytest.importorskip("vllm")
    base, whole, again = untrained(tmp_path / "base"), tmp_path / "whole", tmp_path / "again"
    code = f"{OWN}\ntrained(Path(sys.argv[1]), Path(sys.argv[2]), {{}}, {adapter})"
    alone(code.format("None"), whole, base)
    curve = read_rows(whole / "loss.jsonl")
    assert curve[-1]["reward"] > curve[0]["reward"] + 0.05
    # The weights of each step have reached vLLM.
    assert all(row["apart"] < 1e-4 for row in curve)
    said = alone(code.format("Path(sys.argv[3])"), again, base, whole)
    assert f"going on from step {STEPS - 2}" in said
    assert same(whole, again)


def test_random_states_are_as_they_were() -> None:
    import numpy as np
    import torch

    from dataenvgym_spec.gym.students.trainers.vllm_sampler import undisturbed

    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(()))]

    def seeded() -> None:
        random.seed(7)
        np.random.seed(7)
        torch.manual_seed(7)

    seeded()
    wanted = drawn()
    seeded()
    with pytest.raises(KeyError), undisturbed():
        drawn()
        seeded()
        raise KeyError
    assert drawn() == wanted

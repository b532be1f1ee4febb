"""Preferences: which pairs are learned, the same however they are spread, and from a checkpoint."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.lora import Lora
from dataenvgym_spec.gym.students.trainers.protocol import Job, TrainingExample
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.files import read_rows
from tests.support.judged import adding, examples, job, killed, measured, same
from tests.support.vision import answers, content_of, drawn, noise, pictures, prompts, seeing

OPTIONS: dict[str, Any] = {
    "worse": "samples", "samples": 2, "temperature": 1.0, "max_new_tokens": 6, "beta": 0.1,
    "objective": "sigmoid", "sft": 0.5, "label_smoothing": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adding(tmp_path_factory.mktemp("base"))


def train(made: Job, **options: Any) -> dict[str, Any]:
    from dataenvgym_spec.gym.students.trainers.dpo import Dpo

    return measured(Dpo(**{**OPTIONS, **options}), made)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, base: Path, judge: Judge) -> Path:
    """A training that keeps a checkpoint of every step."""
    folder = tmp_path_factory.mktemp("whole") / "work"
    train(job(folder, base, judge, checkpoint_seconds=0))
    return folder


def test_what_the_student_gets_wrong_is_worse_than_the_answer(whole: Path, base: Path) -> None:
    pairs = read_rows(whole / "pairs.jsonl")
    assert len(pairs) > 6
    assert all(pair["chosen"] != pair["rejected"].strip() for pair in pairs)
    assert all(pair["prompt"] == pair["id"] for pair in pairs)
    facts = json.loads((whole / "facts.json").read_text(encoding="utf-8"))
    assert (facts["pairs"], facts["unpaired"], facts["steps"]) == (len(pairs), 12 - len(pairs), 4)
    curve = read_rows(whole / "loss.jsonl")
    assert [row["step"] for row in curve] == [1, 4]
    assert abs(curve[0]["reward"]) < 1e-6, "it begins where it is held to"
    assert curve[-1]["reward"] > 0 and curve[-1]["preferred"] > curve[0]["preferred"]
    assert not same(whole, _as_trained(base, whole))


def _as_trained(base: Path, beside: Path) -> Path:
    folder = beside.parent / "base"
    shutil.copytree(base, folder / "out", dirs_exist_ok=True)
    return folder


def test_a_killed_training_goes_on_to_the_same_bytes(
    whole: Path, base: Path, judge: Judge, tmp_path: Path
) -> None:
    """Also to the same pairs: the student is not asked anew."""
    kept = sorted(path.name for path in (whole / "checkpoints").glob("checkpoint-*"))
    assert kept == ["checkpoint-2", "checkpoint-3"]
    made = job(tmp_path / "again", base, judge, checkpoint_seconds=0)
    train(dataclasses.replace(killed(made, whole, after=2), judge=None))
    assert same(whole, tmp_path / "again")


def test_how_pairs_are_spread_does_not_change_the_weights(
    whole: Path, base: Path, judge: Judge, tmp_path: Path
) -> None:
    """Three at once, then two, of the last step of a pass fewer."""
    train(job(tmp_path / "spread", base, judge, device_batch=3, accumulation=2))
    assert same(whole, tmp_path / "spread", 1e-6)


def test_an_adapter_is_held_to_where_it_began_and_stored_alone(
    base: Path, judge: Judge, tmp_path: Path
) -> None:
    adapter = Lora(r=2, alpha=4, dropout=0.0)
    train(job(tmp_path / "first", base, judge, adapter=adapter, checkpoint_seconds=0))
    stored = {path.name for path in (tmp_path / "first" / "out").iterdir()}
    assert "adapter_model.safetensors" in stored and "ref" not in stored
    again = job(tmp_path / "again", base, judge, adapter=adapter)
    train(killed(again, tmp_path / "first"))
    assert same(tmp_path / "first", tmp_path / "again")
    on = job(tmp_path / "on", base, judge, adapter=adapter)
    train(dataclasses.replace(on, start=tmp_path / "first" / "out"))
    assert abs(read_rows(tmp_path / "on" / "loss.jsonl")[0]["reward"]) < 1e-6


def test_worse_answers_may_come_with_the_examples_and_be_shuffled(
    base: Path, judge: Judge, tmp_path: Path
) -> None:
    rows = [*examples(8, rejected="none"), *examples(2)]
    facts = train(job(tmp_path / "given", base, judge, rows=rows), worse="examples")
    assert (facts["pairs"], facts["unpaired"]) == (8, 2)
    train(job(tmp_path / "tossed", base, judge, rows=rows), worse="examples", shuffle=True)
    given, tossed = (read_rows(tmp_path / name / "pairs.jsonl") for name in ("given", "tossed"))
    assert {row["rejected"] for row in given} == {"none"}
    exchanged = sum(row["chosen"] == "none" for row in tossed)
    assert 0 < exchanged < 8
    assert not same(tmp_path / "given", tmp_path / "tossed")
    with pytest.raises(StageError, match="no example has a worse answer"):
        train(job(tmp_path / "none", base, judge), worse="examples")


def test_a_student_that_is_never_wrong_stays_as_it_is(
    base: Path, judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is cut is no answer, so here none is wrong."""
    facts = train(job(tmp_path / "work", base, judge), max_new_tokens=1, temperature=0.01)
    assert facts["pairs"] == 0
    assert "stays as it is" in capsys.readouterr().out
    assert same(tmp_path / "work", _as_trained(base, tmp_path / "work"))


def test_a_student_that_sees_learns_which_answer_fits_the_image(
    judge: Judge, tmp_path: Path
) -> None:
    """The same questions have other answers, so that only the images tell."""
    source = pictures()
    items = [item for item in drawn(source, 24, 1) if item.group == "colour"][:12]
    shown, blind = tmp_path / "shown", tmp_path / "blind"
    colours = sorted({item.target for item in items})
    assert len(colours) > 2
    right = {}
    for folder, paint in ((shown, content_of(source)), (blind, noise)):
        asked = prompts(folder, items, paint)
        rows = []
        for item in items:
            other = colours[colours.index(item.target) - 1]
            row = TrainingExample(
                prompt=asked.prompt(item), completion=item.target, item=item, rejected=other
            )
            rows.append(row)
        learned = {"length": {"steps": 40}, "batch_size": 6, "learning_rate": 5e-3}
        made = job(folder, seeing(folder / "base"), judge, rows=rows, device_batch=6, **learned)
        train(made, worse="examples", sft=0.1)
        assert (made.out / "processor_config.json").is_file()
        # Each is asked about the images as they are.
        said = answers(made.out, items, prompts(tmp_path / "asked", items, content_of(source)))
        right[folder] = sum(
            one.text.strip() == item.target for one, item in zip(said, items, strict=True)
        )
    assert right[shown] > 9 > right[blind]


def test_activations_that_are_computed_again_change_nothing(
    whole: Path, base: Path, judge: Judge, tmp_path: Path
) -> None:
    train(dataclasses.replace(job(tmp_path / "again", base, judge), recompute=True))
    assert same(whole, tmp_path / "again")

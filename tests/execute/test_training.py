"""Real training under Accelerate and real generation by both engines, on a student made on the spot."""

import functools
import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.teachers.protocol import Reply
from dataenvgym_spec.gym.teachers.speech import prompt_of
from dataenvgym_spec.records.files import read_rows
from tests.support.repositories import environment
from tests.support.students import SETTINGS, SHORT, conversational, with_settings
from tests.support.training import (
    BREAKING,
    QUESTION,
    SPOKEN,
    alone,
    completions,
    conversations,
    sums,
    trained,
    warm_trainers,
)
from tests.support.waiting import wait_until

LORA = Component(
    slot="adapter", kind="lora", version=1, options={"r": 8, "alpha": 16, "dropout": 0.0}
)

"""A small student gains nothing by a second thread, which would wait for the first and cost as much."""

Told = dict[str, Any]
"""What was asked, and what came."""


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with warm_trainers(tmp_path_factory.mktemp("warm")) as where:
        yield where


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained student, which has a chat template."""
    out = tmp_path_factory.mktemp("base") / "student"
    return conversational(out, template=SHORT, max_positions=64)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sums(tmp_path_factory.mktemp("examples") / "examples.jsonl")


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, base: Path, examples: Path) -> Path:
    folder = tmp_path_factory.mktemp("full")
    trained(folder, base, examples)
    return folder


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """An adapter that has learned from texts and from conversations."""
    folder = tmp_path_factory.mktemp("lora")
    examples = sums(folder / "examples.jsonl", spoken=16)
    trained(folder, base, examples, adapter=LORA, learning_rate=2e-2)
    return folder


def test_training_lowers_the_loss_and_leaves_its_curve(full: Path) -> None:
    curve = read_rows(full / "log" / "loss.jsonl")
    assert [row["step"] for row in curve] == [1, *range(5, 61, 5)]
    assert curve[-1]["loss"] < 0.8 * curve[0]["loss"]
    facts = json.loads((full / "work" / "facts.json").read_text(encoding="utf-8"))
    assert facts["steps"] == 60
    assert facts["examples"] == 200
    assert facts["tokens"]["trained"] > 60 * 16 * 5


def test_killed_training_goes_on_from_its_checkpoint_to_the_same_bytes(
    tmp_path: Path, base: Path, examples: Path, full: Path, warm: dict[str, str]
) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.support.training import trained\n"
        "trained(*map(Path, sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path), str(base), str(examples)]
    given = environment(
        DATAENVGYM_CHECKPOINT_SECONDS="0", PYTHONPATH=str(Path(__file__).parents[2])
    )
    first = subprocess.Popen(
        arguments, env=given, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    checkpoints = tmp_path / "work" / "checkpoints"
    wait_until(lambda: any(checkpoints.glob("checkpoint-*/complete")), "a checkpoint", first)
    os.kill(first.pid, signal.SIGKILL)  # the executor alone: launcher and trainer must die with it
    first.wait()
    own = ["pgrep", "-f", str(tmp_path / "work" / "config.json")]
    wait_until(
        lambda: subprocess.run(own, capture_output=True, check=False).returncode != 0,
        "launcher and trainer end with the executor",
    )
    # What a cold trainer began a warm one ends.
    second = subprocess.run(arguments, env=given | warm, capture_output=True, text=True, check=True)
    assert "going on from step" in second.stdout
    mine, whole = (folder / "out" / "student" / "model.safetensors" for folder in (tmp_path, full))
    assert file_digest(mine) == file_digest(whole)
    curve = read_rows(tmp_path / "log" / "loss.jsonl")
    assert [row["step"] for row in curve] == [1, *range(5, 61, 5)]


def test_a_half_written_checkpoint_is_passed_over(tmp_path: Path) -> None:
    from dataenvgym_spec.gym.students.trainers.checkpoints import last_checkpoint

    for step, whole in ((5, True), (10, True), (15, False)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if whole:
            (folder / "complete").touch()
    assert last_checkpoint(tmp_path) == str(tmp_path / "checkpoint-10")
    assert last_checkpoint(tmp_path / "none") is None


def test_an_adapter_is_saved_alone(adapter: Path) -> None:
    student = adapter / "out" / "student"
    assert (student / "adapter_config.json").is_file()
    # Nothing says where on this machine it was trained, so that a clone elsewhere gets the same.
    for path in student.iterdir():
        assert str(adapter.parent).encode() not in path.read_bytes(), path.name
    assert not (student / "model.safetensors").exists()


def test_a_component_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, base: Path, examples: Path
) -> None:
    from dataenvgym_spec.core.errors import StageError

    absent = Component(slot="adapter", kind="absent", version=1)
    with pytest.raises(StageError) as caught:
        trained(tmp_path, base, examples, adapter=absent)
    assert caught.value.message == (
        "the trainer failed: there is no adapter 'absent' in this environment"
    )
    assert caught.value.help == "install the package that has it; allowed here: dora, lora, qlora"


def test_a_trainer_that_fails_says_why_without_a_traceback(tmp_path: Path, examples: Path) -> None:
    from dataenvgym_spec.core.errors import StageError

    (tmp_path / "no-model").mkdir()
    with pytest.raises(StageError, match=r"the trainer failed: .*Error"):
        trained(tmp_path, tmp_path / "no-model", examples)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """The same student with generation settings that would change all that it says."""
    return with_settings(base, tmp_path_factory.mktemp("hostile") / "base", **SETTINGS)


@pytest.fixture(scope="module")
def vllm(tmp_path_factory: pytest.TempPathFactory, hostile: Path) -> Callable[[Path], Told]:
    """Asks vLLM, once for each student: in a process of its own, which it keeps its engine for."""
    pytest.importorskip("vllm")
    code = (
        "import json\n"
        "from tests.support.training import answered\n"
        "student, base, out = map(Path, sys.argv[1:])\n"
        "out.write_text(json.dumps(answered(student, base)))"
    )

    @functools.cache
    def ask(student: Path) -> Told:
        out = tmp_path_factory.mktemp("vllm") / "out.json"
        written = alone(code, student, hostile, out)
        return {**json.loads(out.read_text(encoding="utf-8")), "written": written}

    return ask


@pytest.mark.parametrize("kind", ["adapter", pytest.param("full", marks=pytest.mark.slow)])
def test_both_engines_give_the_same_greedy_text(
    kind: str,
    base: Path,
    hostile: Path,
    vllm: Callable[[Path], Told],
    request: pytest.FixtureRequest,
) -> None:
    student = request.getfixturevalue(kind) / "out" / "student"
    mine = completions(student, base)
    before = completions(base)
    # What a model says of decoding counts in neither.
    assert completions(student, hostile) == mine
    told = vllm(student)
    theirs, long = told["greedy"][: len(mine)], told["greedy"][len(mine) :]
    assert theirs == [asdict(item) for item in mine]
    # No answer goes on behind the student's last position.
    assert [(row["prompt_tokens"], row["tokens"] <= 4) for row in long] == [
        (60, True), (64, True), (65, True),
    ]  # fmt: skip
    assert [row["text"] for row in long[1:]] == ["", ""]
    assert told["eager"] == [True, False]
    assert told["broken"] == "the student's scores of the next token are no numbers"
    first, again, backwards, other = told["drawn"]
    assert first == again == backwards
    assert first != other and first != [item.text for item in mine]
    assert [item.text for item in mine] != [item.text for item in before]


def test_both_engines_give_the_same_text_in_a_conversation(
    adapter: Path, hostile: Path, vllm: Callable[[Path], Told]
) -> None:
    """Before and after training, with a system text and examples, by the student's own template."""
    student = adapter / "out" / "student"
    before = completions(hostile, prompts=conversations())
    after = completions(student, hostile, prompts=conversations())
    told = vllm(student)
    assert told["before"] == [asdict(answer) for answer in before]
    assert told["chats"] == [asdict(answer) for answer in after]
    assert [one.prompt_tokens for one in before] == [one.prompt_tokens for one in after]
    # What it says depends on what it is asked, and once taught it ends its turn.
    assert len({answer.text for answer in before}) > 1
    assert all(answer.truncated for answer in before)
    assert any(not answer.truncated for answer in after)


def test_a_teacher_in_vllm_answers_in_shape_and_whatever_is_asked_beside_it(
    adapter: Path, hostile: Path, vllm: Callable[[Path], Told]
) -> None:
    told = [Reply.parse(row) for row in vllm(adapter / "out" / "student")["teacher"]]
    count = QUESTION.samples + sum(ask.samples for ask in SPOKEN)
    together = {(one.ask, one.sample): one for one in told[:count]}
    assert len(together) == count
    # What it answers does not depend on what it is asked besides, nor on when.
    alone = told[count:]
    assert [together[one.ask, one.sample].text for one in alone] == [one.text for one in alone]
    assert {one.ask for one in alone} == {SPOKEN[2].id, QUESTION.id}
    shaped = [one for one in alone if one.ask == QUESTION.id]
    for one in shaped:
        assert one.usable and len(json.loads(one.text)["answer"]) <= 4
        assert one.logprobs is not None and len(one.logprobs) == one.tokens["generated"]
        assert max(one.logprobs) <= 0 > min(one.logprobs)
    # Each sample is another draw, and so is another question.
    assert len({one.text for one in shaped}) > 1
    assert len({one.text for one in together.values()}) > 4
    assert {one.model for one in told} == {hostile.name}
    # It is asked in its own chat template.
    prompt = prompt_of(SPOKEN[0], chats=True)
    (asked,) = completions(hostile, prompts=[prompt])
    assert together[SPOKEN[0].id, 0].tokens["prompt"] == asked.prompt_tokens


def test_what_vllm_writes_is_seen_where_it_fails(
    adapter: Path, vllm: Callable[[Path], Told]
) -> None:
    usual, marked, failing = vllm(adapter / "out" / "student")["written"].partition(BREAKING)
    assert (usual, marked) == ("", BREAKING)
    # Its log still has where to write.
    assert "ERROR" in failing
    assert "Logging error" not in failing


def test_a_batch_does_not_change_an_answer(full: Path) -> None:
    student = full / "out" / "student"
    alone = completions(student, batch_size=1)
    together = completions(student)
    assert [item.text for item in alone] == [item.text for item in together]
    assert any(not item.truncated for item in together)


FOREIGN = {
    "ACCELERATE_USE_FSDP": "true",
    "ACCELERATE_MIXED_PRECISION": "bf16",
    "RANK": "1",
    "WORLD_SIZE": "4",
}
"""What a user's shell may hold of another launcher."""


def test_processes_and_device_batches_do_not_change_the_weights(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch of 7 divides among none of them, nor do the 20 examples into batches."""
    from safetensors.torch import load_file

    examples = sums(tmp_path / "examples.jsonl", 20)
    spreads = {
        "alone": (1, 7, {}),
        "pair": (2, 2, {}),
        "three": (3, 7, {}),
        "small": (1, 3, {"recompute": True}),
        "shards": (2, 4, {"distribution": "fsdp2"}),
    }
    weights, curves = {}, {}
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    for name, (processes, device_batch, told) in spreads.items():
        monkeypatch.setenv("DATAENVGYM_DISTRIBUTION", told.get("distribution", ""))
        monkeypatch.setenv("DATAENVGYM_RECOMPUTE", str(int("recompute" in told)))
        monkeypatch.setenv("DATAENVGYM_PROCESSES", str(processes))
        monkeypatch.setenv("DATAENVGYM_DEVICE_BATCH", str(device_batch))
        made = trained(tmp_path / name, base, examples, length={"steps": 8}, batch_size=7)
        assert made.facts["processes"] == processes
        assert {key: made.facts[key] for key in told} == told
        assert made.facts["tokens"] == {"trained": 381}  # two passes, and 14 examples more
        weights[name] = load_file(tmp_path / name / "out" / "student" / "model.safetensors")
        curves[name] = [row["loss"] for row in read_rows(tmp_path / name / "log" / "loss.jsonl")]
    untouched = load_file(base / "model.safetensors")
    for name in spreads:
        assert curves[name] == pytest.approx(curves["alone"], abs=1e-5)
        for part, numbers in weights["alone"].items():
            assert (weights[name][part] - numbers).abs().max() < 1e-6
    assert (weights["alone"]["model.norm.weight"] - untouched["model.norm.weight"]).abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "shards_bound", "processes_bound"),
    [("float32", 1e-6, 1e-6), ("bfloat16", 5e-4, 3e-3)],
)
@pytest.mark.parametrize("trained_part", [None, LORA], ids=["all weights", "adapter"])
def test_shards_and_processes_change_weights_by_no_more_than_is_promised(
    dtype: str,
    shards_bound: float,
    processes_bound: float,
    trained_part: Component | None,
    tmp_path: Path,
    base: Path,
    examples: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As docs/hardware.md says. In bfloat16 the last digit of a weight may decide how it is rounded."""
    from safetensors.torch import load_file

    weights = {}
    sharded = ["fsdp2"]
    if dtype == "float32" and importlib.util.find_spec("deepspeed") is not None:
        sharded += ["deepspeed-zero2", "deepspeed-zero3"]
    for processes, distribution in [(1, "ddp"), (2, "ddp"), *((2, name) for name in sharded)]:
        monkeypatch.setenv("DATAENVGYM_PROCESSES", str(processes))
        monkeypatch.setenv("DATAENVGYM_DISTRIBUTION", distribution)
        folder = tmp_path / f"{distribution}-{processes}"
        made = trained(
            folder, base, examples, adapter=trained_part, dtype=dtype, length={"steps": 20}
        )
        assert made.facts["precision"] == dtype and made.facts["weights"] == "float32"
        (file,) = (folder / "out" / "student").glob("*.safetensors")
        weights[processes, distribution] = load_file(file)

    def apart(one: tuple[int, str], other: tuple[int, str]) -> float:
        assert weights[one].keys() == weights[other].keys()
        pairs = [(part, weights[other][name]) for name, part in weights[one].items()]
        return max(float((left - right).abs().max()) for left, right in pairs)

    assert apart((1, "ddp"), (2, "ddp")) < processes_bound
    for name in sharded:
        assert apart((2, "ddp"), (2, name)) < shards_bound, name


def test_the_first_of_several_processes_to_fail_says_why(
    tmp_path: Path, base: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataenvgym_spec.core.errors import StageError

    monkeypatch.setenv("DATAENVGYM_PROCESSES", "2")
    with pytest.raises(StageError, match=r"the trainer failed: the loss is .* in step 3") as caught:
        trained(tmp_path, base, examples, length={"steps": 5}, learning_rate=1e38)
    assert caught.value.help == "lower the learning rate"

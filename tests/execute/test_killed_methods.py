"""Methods of training under `accelerate launch` with two processes: what a kill leaves is gone on with.

One of the trainer's processes is killed, then the launcher; the third attempt ends what they began.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.faults import KILLED
from dataenvgym_spec.execute.training.start import LAUNCHER
from dataenvgym_spec.execute.warm.client import WORKER
from dataenvgym_spec.records.files import read_rows, write_rows
from tests.support.judged import adding, examples, standard
from tests.support.repositories import environment
from tests.support.training import completions, trained, warm_trainers
from tests.support.waiting import wait_until

ASKED = {"samples": 4, "max_new_tokens": 4}
OPTIONS: dict[str, dict[str, Any]] = {
    "sft": {},
    "sft in shards": {},
    "sft of an adapter in shards": {},
    "sft in shards of deepspeed-zero2": {},
    "sft in shards of deepspeed-zero3": {},
    "dpo": ASKED,
    "kto": ASKED,
    "grpo": ASKED,
    "grpo in vllm": {**ASKED, "sampler": "vllm"},
}
SHARDS = {
    "fsdp2": "pytorch_model_fsdp_0/*.distcp",
    "deepspeed-zero2": "global_step*/*_optim_states.pt",
    "deepspeed-zero3": "global_step*/*_optim_states.pt",
}
"""What each of two processes writes into a checkpoint of shards."""
STEPS = 40
CODE = """
import sys
from pathlib import Path
from dataenvgym_spec.core.errors import UserError
from tests.execute.test_killed_methods import train
try:
    train(*sys.argv[1:2], *map(Path, sys.argv[2:]))
except UserError as error:
    print(error.message, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def train(method: str, folder: Path, base: Path, learned: Path) -> None:
    """A training of two processes that keeps a checkpoint of every step."""
    kind = method.partition(" ")[0]
    score = None if kind == "sft" else standard("scorer", "exact-match")
    trainer = standard("trainer", kind, **OPTIONS[method])
    adapter = None
    if "adapter" in method:
        adapter = standard("adapter", "lora", r=4, alpha=8)
    more: dict[str, Any] = {"length": {"steps": STEPS}, "batch_size": 4}
    trained(folder, base, learned, trainer=trainer, adapter=adapter, score=score, **more)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with warm_trainers(tmp_path_factory.mktemp("warm")) as where:
        yield where


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adding(tmp_path_factory.mktemp("base"))


def processes(config: Path) -> dict[str, list[int]]:
    """The processes of a training: its launcher, and those that train."""
    found: dict[str, list[int]] = {"launcher": [], "trainer": []}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode().split("\0")
        except OSError:  # it has ended
            continue
        if str(config) in command:
            found["launcher" if LAUNCHER in command else "trainer"].append(int(process.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("method", OPTIONS)
def test_what_was_killed_goes_on_to_the_same_weights(
    method: str, base: Path, warm: dict[str, str], tmp_path: Path
) -> None:
    if "vllm" in method:
        pytest.importorskip("vllm")
    learned = tmp_path / "examples.jsonl"
    write_rows(learned, examples())
    root = str(Path(__file__).parents[2])
    given = environment(
        DATAENVGYM_CHECKPOINT_SECONDS="0",
        DATAENVGYM_PROCESSES="2",
        PYTHONPATH=os.pathsep.join((root, *filter(None, [os.environ.get("PYTHONPATH")]))),
    )
    way = ""
    if "shards" in method:
        way = next((word for word in method.split() if word.startswith("deepspeed")), "fsdp2")
        given["DATAENVGYM_DISTRIBUTION"] = way
    if way.startswith("deepspeed"):
        pytest.importorskip("deepspeed")
    cold = {name: value for name, value in given.items() if name != WORKER}

    def command(folder: Path) -> list[str]:
        folder.mkdir(exist_ok=True)
        arguments = [method, str(folder), str(base), str(learned)]
        return [sys.executable, "-c", CODE, *arguments]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole), env=given | warm, check=True)
    config, checkpoints = killed / "work" / "config.json", killed / "work" / "checkpoints"
    seen: set[str] = set()
    for victim in ("trainer", "launcher"):
        attempt = subprocess.Popen(command(killed), env=cold)

        def further(seen: set[str] = seen) -> bool:
            return any(
                path.parent.name not in seen for path in checkpoints.glob("checkpoint-*/complete")
            )

        wait_until(further, "a checkpoint of this attempt", attempt)
        os.kill(processes(config)[victim][0], signal.SIGKILL)
        assert attempt.wait() == KILLED, "the stage fails, by no fault of its own"
        wait_until(lambda: not any(processes(config).values()), "all of them end")
        seen |= {path.name for path in checkpoints.glob("checkpoint-*")}
    assert not (killed / "work" / "facts.json").exists(), "none of them came to its end"
    last = subprocess.run(
        command(killed), env=given | warm, check=True, capture_output=True, text=True
    )
    assert "going on from step" in last.stdout
    name = "adapter_model.safetensors" if "adapter" in method else "model.safetensors"
    stored = [folder / "out" / "student" / name for folder in (whole, killed)]
    assert stored[0].read_bytes() == stored[1].read_bytes()
    assert stored[0].read_bytes() != (base / "model.safetensors").read_bytes()
    if "shards" in method:
        shards = killed / "work" / "checkpoints" / f"checkpoint-{STEPS - 1}"
        assert len(list(shards.glob(SHARDS[way]))) == 2, "each process has written its own"
        alone = killed / "out" / "student"
        assert completions(alone, base)[0].tokens, "one process loads it"
    facts = json.loads((killed / "work" / "facts.json").read_text(encoding="utf-8"))
    assert facts["steps"] == STEPS
    steps = [row["step"] for row in read_rows(killed / "log" / "loss.jsonl")]
    assert steps == [1, *range(5, STEPS + 1, 5)]

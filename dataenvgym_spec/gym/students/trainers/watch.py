"""What transformers' Trainer leaves while it runs: progress, the loss curve, checkpoints."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

import torch
from transformers import TrainerCallback

from dataenvgym_spec.gym.students.trainers.checkpoints import DONE
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.logs import LossPoint

PRINT_SECONDS: Final = 4
MEASURES: Final = {
    "reward": ("reward", "rewards/margins"),
    "preferred": ("rewards/accuracies",),
    "kl": ("kl",),
    "apart": ("sampling/sampling_logp_difference/mean",),
}
"""Points of the curve, and what TRL calls them."""


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is skipped by the type checker
    """Prints progress, writes the loss curve, and asks for a checkpoint every so many seconds."""

    def __init__(self, loss: Path, checkpoint_seconds: float) -> None:
        self.loss, self.every = loss, checkpoint_seconds
        self.saved = self.printed = self.start = time.monotonic()
        self.last: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Drops the part of an earlier attempt's curve that will be trained again."""
        if not state.is_world_process_zero:  # it would read what the first one is writing
            return
        kept = []
        if state.global_step and self.loss.is_file():
            for point in read_all(self.loss, LossPoint):
                if point.step <= state.global_step:
                    kept.append(point)
        self.loss.write_text("".join(map(_line, kept)), encoding="utf-8")
        if state.global_step:
            print(f"  going on from step {state.global_step}", flush=True)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Asks for a checkpoint when it is time, and for the loss of the last step."""
        if state.global_step >= state.max_steps:
            control.should_log = True
        elif self._due(args):
            self.saved = time.monotonic()
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Marks the checkpoint whole, once every process has written its part."""
        if args.world_size > 1:
            torch.distributed.barrier()
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (checkpoint / DONE).touch()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        """Appends to the loss curve."""
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        point = LossPoint(
            step=state.global_step,
            loss=float(logs["loss"]),
            learning_rate=float(logs["learning_rate"]),
            seconds=round(time.monotonic() - self.start, 3),
            **_measures(logs),
        )
        with self.loss.open("a", encoding="utf-8") as handle:
            handle.write(_line(point))
        self.last = point.loss
        if time.monotonic() - self.printed > PRINT_SECONDS:
            self._say(state)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Prints where it ended."""
        if state.is_world_process_zero:
            self._say(state)

    def _due(self, args: Any) -> bool:
        """Whether a checkpoint is due by the clock of the first process, for all of them."""
        due = time.monotonic() - self.saved >= self.every
        if args.world_size == 1:
            return due
        answer = torch.tensor(due, dtype=torch.uint8, device=args.device)
        torch.distributed.broadcast(answer, src=0)
        return bool(answer.item())

    def _say(self, state: Any) -> None:
        self.printed = time.monotonic()
        loss = "" if self.last is None else f", loss {self.last:.3f}"
        print(f"  step {state.global_step}/{state.max_steps}{loss}", flush=True)


def _measures(logs: dict[str, float]) -> dict[str, float]:
    """What a trainer of preferences or rewards reports besides, by our names for it."""
    found = {}
    for name, theirs in MEASURES.items():
        value = next((logs[their] for their in theirs if logs.get(their) is not None), None)
        if value is not None:
            found[name] = float(value)
    return found


def _line(point: LossPoint) -> str:
    return json.dumps(point.plain()) + "\n"

"""A training run outside of a stage."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.execute.context import Context

TRAIN = {
    "method": "sft", "length": {"steps": 60}, "learning_rate": 1e-3, "schedule": "cosine", "warmup_ratio": 0.1, "weight_decay": 0.0,
    "max_grad_norm": 1.0, "batch_size": 16, "max_length": 64, "dtype": "float32",
}  # fmt: skip


def context(folder: Path) -> Context:
    """What an executor of training is handed."""
    for name in ("out/student", "log", "work"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Context(
        key="k",
        params={},
        reads=(),
        files={},
        out_folder=folder / "out",
        log=folder / "log",
        work=folder / "work",
        say=print,
    )

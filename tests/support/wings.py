"""The wings of the package and their floors."""

from __future__ import annotations

import ast
from pathlib import Path

FLOORS = (
    ("core",),
    ("language", "records"),
    ("resolve", "graph", "gym"),
    ("compile", "store"),
    ("emit", "results", "setup"),
    ("questions", "report", "track"),
    ("execute", "schedule"),
    ("cli",),
)
"""From the lowest: a wing imports from lower floors and from itself."""
FLOOR = {wing: number for number, wings in enumerate(FLOORS, 1) for wing in wings}
HEAVY = {
    "torch",
    "transformers",
    "vllm",
    "datasets",
    "mlflow",
    "peft",
    "accelerate",
    "reasoning_gym",
    "matplotlib",
    "scipy",
    "dvc",
    "pandas",
    "numpy",
}
"""What no command that must start fast imports."""


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))

"""A package with scorers that break, hang and evaluate, put on the path as an installed one would be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.make import Named

MODULE = '''
"""Scorers that no task should have."""

from dataenvgym_spec.gym import Score


class Fragile:
    """Reads whole numbers and raises on anything else."""

    def score(self, answers):
        return [Score(value=float(int(answer.text) == int(item.target)), parsed=True) for item, answer in answers]


class Evaluating:
    """Evaluates the answer."""

    def score(self, answers):
        return [Score(value=float(eval(answer.text) == int(item.target)), parsed=True) for item, answer in answers]


class Short:
    """Returns no score."""

    def score(self, answers):
        return []


class Hoarding:
    """Finds right what it is the first to read in its process."""

    read = []

    def score(self, answers):
        self.read += answers
        return [Score(value=float(len(self.read) == 1), parsed=True)]
'''


def install_odd(folder: Path) -> None:
    """Lays the package into a folder that is on the path."""
    package, info = folder / "odd", folder / "odd-1.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").write_text("")
    points = ["[dataenvgym_spec.components]"]
    for name in ("Fragile", "Evaluating", "Short", "Hoarding"):
        kind = name.lower()
        (package / f"{kind}.py").write_text(MODULE, encoding="utf-8")
        definition = {"title": name, "description": f"{name}.", "semantics": 1}
        (package / f"{kind}.json").write_text(json.dumps(definition), encoding="utf-8")
        points.append(f"scorer.{kind} = odd.{kind}:{name}")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1\n")
    (info / "entry_points.txt").write_text("\n".join(points) + "\n")


def scorer(kind: str, version: int = 1, **options: Any) -> Named:
    """A scorer as a stage names it."""
    return Named(slot="scorer", kind=kind, version=version, options=options, parts={})

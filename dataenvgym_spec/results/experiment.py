"""What an experiment has produced so far, read from the store: what the report, tracking and a program see.

A stage counts as done when its `log/run.json` is there; it is published last. Everything of a stage that is not done is None
or empty, so that a running experiment can be read too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import UserError, suggest
from dataenvgym_spec.store.layout import Layout, find_root

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """One stage of the experiment and where it is used."""

    key: str
    kind: str
    path: Path
    inputs: tuple[str, ...]
    uses: tuple[Row, ...]

    @property
    def done(self) -> bool:
        """Whether its result lies in the workspace."""
        return (self.path / "log" / "run.json").is_file()

    @property
    def log(self) -> Row:
        """The circumstances: `started` (seconds since the epoch), `seconds` by phase, `tokens`, `versions`, ..."""
        content: Row = _json(self.path / "log" / "run.json") if self.done else {}
        return content

    @property
    def passed(self) -> bool:
        """Whether its loop had stopped, so that it did no work and passed through what stood before."""
        return bool(self.log.get("passed"))

    def rows(self, port: str, name: str) -> list[Row]:
        """A JSON-lines file of a port; empty if the stage is not done."""
        return _rows(self.path / "out" / port / name) if self.done else []

    def json(self, port: str, name: str) -> Any:
        """A JSON file of a port; None if the stage is not done."""
        return _json(self.path / "out" / port / name) if self.done else None

    def curve(self) -> list[Row]:
        """The training curve: step, loss, learning_rate, seconds; empty for other kinds."""
        path = self.path / "log" / "loss.jsonl"
        return _rows(path) if self.done and path.is_file() else []

    def label(self, arm: str | None = None) -> str:
        """What a person calls it, in one arm."""
        return str(next(use["label"] for use in self.uses if arm is None or use["arm"] == arm))


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """One turn of the loop in one run; 0 is the base student before the first plan."""

    number: int
    stages: tuple[StageResult, ...]

    def of(self, kind: str) -> tuple[StageResult, ...]:
        """Its stages of a kind, in order."""
        return tuple(stage for stage in self.stages if stage.kind == kind)

    @property
    def plan(self) -> Row | None:
        """The plan: iteration, allocation, reasons, errors, and where observed scores and shortfall."""
        plans = self.of("plan")
        content: Row | None = plans[0].json("plan", "plan.json") if plans else None
        return content

    @property
    def generated(self) -> list[Row]:
        """All candidates of all rounds."""
        return [
            row
            for stage in self.of("generate")
            for row in stage.rows("candidates", "examples.jsonl")
        ]

    @property
    def accepted(self) -> list[Row]:
        """The accepted examples of all rounds."""
        return [
            row for stage in self.of("check") for row in stage.rows("accepted", "examples.jsonl")
        ]

    @property
    def rejected(self) -> list[Row]:
        """The rejected examples of all rounds, each with `check` and `reason`."""
        return [
            row for stage in self.of("check") for row in stage.rows("rejected", "examples.jsonl")
        ]

    @property
    def tally(self) -> dict[str, dict[str, int]]:
        """By skill: how many candidates were accepted, surplus, or rejected by each check, over all rounds."""
        out: dict[str, dict[str, int]] = {}
        for stage in self.of("check"):
            for skill, counts in (stage.json("rejected", "tally.json") or {}).items():
                mine = out.setdefault(skill, {})
                for what, count in counts.items():
                    mine[what] = mine.get(what, 0) + count
        return out

    @property
    def training(self) -> StageResult | None:
        """The training stage; for iteration 0 the making of the base student."""
        found = self.of("train") or self.of("student")
        return found[0] if found else None

    def results(self, split: str) -> list[Row]:
        """Results per item on a split (`selection`, `test`, `shown`, `hidden`); empty if not evaluated or not done."""
        for stage in self.of("evaluate"):
            if (stage.path / "out" / split).is_dir():
                return stage.rows(split, "results.jsonl")
        return []

    @property
    def done(self) -> bool:
        """Whether all its stages are done."""
        return all(stage.done for stage in self.stages)

    @property
    def passed(self) -> bool:
        """Whether the loop had stopped before it: its gate says so as soon as it is known."""
        return any(
            (stage.json("gate", "gate.json") or {}).get("stop", False) for stage in self.of("gate")
        )


@dataclass(frozen=True, kw_only=True)
class Run:
    """One arm under one seed."""

    arm: str
    seed: int
    iterations: tuple[Iteration, ...]
    closing: tuple[StageResult, ...]

    @property
    def choice(self) -> Row | None:
        """`best` and `last` iteration and the selection accuracy of each; None before selection."""
        content: Row | None = next(
            (
                stage.json("choice", "choice.json")
                for stage in self.closing
                if stage.kind == "select"
            ),
            None,
        )
        return content

    def sealed(self, student: str) -> list[Row]:
        """Results per item of `base`, `best` or `last` on the sealed test; empty before they are there."""
        if student == "base":
            return self.iterations[0].results("test")
        choice = self.choice
        rows = next(
            (
                stage.rows("test", "results.jsonl")
                for stage in self.closing
                if stage.kind == "evaluate"
            ),
            [],
        )
        return [row for row in rows if choice and row["iteration"] == choice[student]]

    @cached_property
    def reached(self) -> int:
        """The last iteration that took or takes place: what has stopped stays stopped."""
        return next(
            (turn.number - 1 for turn in self.iterations if turn.passed), len(self.iterations) - 1
        )

    @property
    def stopped(self) -> int | None:
        """The iteration after which the loop stopped on selection; None if it did not, or not yet."""
        return self.reached if self.reached < len(self.iterations) - 1 else None

    def standing(self, number: int) -> Iteration:
        """The iteration whose student stands after `number` of them: once the loop has stopped, the last one."""
        return self.iterations[min(number, self.reached)]

    def examples(self, iteration: int) -> int:
        """Accepted examples in all iterations up to this one."""
        return sum(len(turn.accepted) for turn in self.iterations if 1 <= turn.number <= iteration)


@dataclass(frozen=True, kw_only=True)
class Results:
    """An experiment with what it has produced so far."""

    layout: Layout
    index: Row

    @property
    def name(self) -> str:
        """The experiment's name."""
        return str(self.index["name"])

    @property
    def settings(self) -> dict[str, Row]:
        """The resolved spec of each arm."""
        return dict(self.index["settings"])

    @cached_property
    def stages(self) -> tuple[StageResult, ...]:
        """All stages in topological order."""
        return tuple(
            StageResult(
                key=row["key"],
                kind=row["kind"],
                path=self.layout.stage(row["directory"]),
                inputs=tuple(row["inputs"]),
                uses=tuple(row["uses"]),
            )
            for row in self.index["stages"]
        )

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """One run per arm and seed, in the order of the spec."""
        return tuple(
            self._run(arm, seed) for arm in self.index["arms"] for seed in self.index["seeds"]
        )

    def _run(self, arm: str, seed: int) -> Run:
        places: dict[int | None, list[StageResult]] = {}
        for stage in self.stages:
            for use in stage.uses:
                if use["arm"] == arm and use["seed"] == seed:
                    places.setdefault(use["iteration"], []).append(stage)
        turns = tuple(
            Iteration(number=n, stages=tuple(places.get(n, ())))
            for n in range(self.index["iterations"][arm] + 1)
        )
        return Run(arm=arm, seed=seed, iterations=turns, closing=tuple(places.get(None, ())))


def load(name: str, root: Path | None = None) -> Results:
    """Opens a compiled experiment.

    Args:
        name: the experiment.
        root: the repository (default: found from the working directory).

    Raises:
        UserError: it was never compiled here, or its index is damaged.
    """
    layout = Layout(root=root or find_root())
    path = layout.index(name)
    if not path.is_file():
        known = [item.stem for item in layout.experiments.glob("*.json")]
        raise UserError(
            f"there is no compiled experiment '{name}'",
            help=f"{suggest(name, known)}; or run: dataenvgym compile",
        )
    return Results(layout=layout, index=_json(path))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{path}' is damaged or half-written",
            help="run: dataenvgym compile, then: dvc repro NAME (DVC restores or makes it anew)",
        ) from error


def _rows(path: Path) -> list[Row]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{path}' is damaged or half-written",
            help="remove its folder and run: dvc repro NAME (DVC restores or makes it anew)",
        ) from error

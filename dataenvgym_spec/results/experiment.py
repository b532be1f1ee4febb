"""A compiled experiment with what it has produced so far.

What report, tracking and notebooks read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dataenvgym_spec.core.errors import StageError, UserError, suggest
from dataenvgym_spec.records.experiment import Copy, Index
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.store.indexes import compiled
from dataenvgym_spec.store.layout import Layout, find_root

R = TypeVar("R", bound="Results")


@dataclass(frozen=True, kw_only=True, repr=False)
class Results:
    """An experiment with what it has produced so far.

    Attributes:
        layout: the paths of the repository.
        index: what the compiler says of the experiment.
    """

    layout: Layout
    index: Index

    def __repr__(self) -> str:
        """One line: a notebook shows it below a cell, and all fields fill 30,000 characters."""
        done = sum(stage.done for stage in self.stages)
        arms = ", ".join(self.index.arms)
        kind = type(self).__name__
        return f"<{kind} {self.name!r}: arms {arms}; {done} of {len(self.stages)} stages done>"

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.index.name

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """The resolved spec of each arm."""
        return self.index.settings

    @cached_property
    def stages(self) -> tuple[StageResult, ...]:
        """All stages in topological order."""
        stages = []
        for row in self.index.stages:
            path = self.layout.stage(row.directory)
            stage = StageResult(
                key=row.key, kind=row.kind, path=path, inputs=row.inputs, uses=row.uses
            )
            stages.append(stage)
        return tuple(stages)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """One run per arm and seed, in the order of the spec."""
        places = self._places()
        runs = []
        for arm in self.index.arms:
            for seed in self.index.seeds:
                mine = places.get((arm, seed), _Places())
                runs.append(_run(arm, seed, self.index.iterations[arm], mine))
        return tuple(runs)

    def of_arm(self, arm: str) -> tuple[Run, ...]:
        """The runs of an arm, in the order of the seeds."""
        return tuple(run for run in self.runs if run.arm == arm)

    def _places(self) -> dict[tuple[str, int], _Places]:
        """The stages of every arm and seed."""
        places: dict[tuple[str, int], _Places] = {}
        for stage in self.stages:
            for use in stage.uses:
                mine = places.setdefault((use.arm, use.seed), _Places())
                if use.baseline is not None:
                    mine.baselines[use.baseline] = stage
                elif use.probe is not None:
                    mine.probes.setdefault(use.probe, []).append((use.iteration, stage))
                elif use.each is not None:
                    mine.each[use.each] = stage
                elif use.copy is not None:
                    mine.copies.append((use.copy, stage))
                else:
                    mine.turns.setdefault(use.iteration, []).append(stage)
        return places


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """The stages of a run.

    Attributes:
        turns: by iteration; None is outside of the loop.
        baselines: by name.
        probes: of other test sets, by name, each with its iteration.
        each: evaluations of students for the report alone, by iteration.
        copies: of the noise floor, with what each is to it.
    """

    turns: dict[int | None, list[StageResult]] = field(default_factory=dict)
    baselines: dict[str, StageResult] = field(default_factory=dict)
    probes: dict[str, list[tuple[int | None, StageResult]]] = field(default_factory=dict)
    each: dict[int, StageResult] = field(default_factory=dict)
    copies: list[tuple[Copy, StageResult]] = field(default_factory=list)


def _run(arm: str, seed: int, iterations: int, places: _Places) -> Run:
    turns = []
    for number in range(iterations + 1):
        turns.append(Iteration(number=number, stages=tuple(places.turns.get(number, ()))))
    closing = tuple(places.turns.get(None, ()))
    return Run(
        arm=arm,
        seed=seed,
        iterations=tuple(turns),
        closing=closing,
        baselines=places.baselines,
        probes={name: tuple(stages) for name, stages in places.probes.items()},
        each=places.each,
        copies=tuple(places.copies),
    )


def load(name: str, root: Path | None = None) -> Results:
    """Opens a compiled experiment; see `open_results`."""
    return open_results(Results, name, root)


def open_results(kind: type[R], name: str, root: Path | None = None) -> R:
    """Opens a compiled experiment.

    Args:
        kind: `Results`, or a class with more to ask.
        name: the experiment.
        root: the repository (default: found from the working directory).

    Raises:
        UserError: it was never compiled here, or its index is damaged.
    """
    layout = Layout(root=root or find_root())
    path = layout.index(name)
    if not path.is_file():
        names = compiled(layout)
        # Before the first compile there is no name to suggest.
        suggestion = f"{suggest(name, names)}; or " if names else ""
        help = f"{suggestion}run: dataenvgym compile"
        raise UserError(f"there is no compiled experiment '{name}'", help=help)
    return kind(layout=layout, index=_index(path))


def _index(path: Path) -> Index:
    """Reads an index.

    Raises:
        UserError: it is damaged, its parts do not agree, or it is of another experiment.
    """
    help = "run: dataenvgym compile"
    try:
        index = Index.parse(read_json(path))
    except (StageError, msgspec.ValidationError) as error:
        reason = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
        raise UserError(f"'{path}' is damaged{reason}", help=help) from error
    if index.name != path.stem:
        raise UserError(f"'{path}' is of another experiment, '{index.name}'", help=help)
    return index

"""The graph between spec and pipeline: frozen records, topologically ordered.

How stages come about is in `passes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dataenvgym_spec.core.hashing import SHORT
from dataenvgym_spec.graph.component import Circumstances, Component
from dataenvgym_spec.graph.kind import Kind, Worker
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.records.experiment import Copy, Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An edge: the port of another stage, read through a slot of this one."""

    slot: str
    stage: str
    port: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Where an experiment uses a stage.

    `iteration` 0 is before the first plan; None is outside the loop. `baseline` is the name of the
    prompt that an untaught student is asked with in place of its own, `probe` that of another test
    set, and `each` the iteration whose student is tested for the report alone. `copy` is what it is
    to the noise floor. `blind` says that the arm observes nothing, also of stages whose parameters
    do not.
    """

    experiment: str
    arm: str
    seed: int
    iteration: int | None
    iterations: int
    what: str
    baseline: str | None = None
    probe: str | None = None
    each: int | None = None
    copy: Copy | None = None
    blind: bool = False

    def place(self) -> str:
        """Where it stands: `no-state, iteration 2/4`."""
        if self.iteration is None:
            return self.arm
        if self.iteration == 0:
            return f"{self.arm}, base"
        return f"{self.arm}, iteration {self.iteration}/{self.iterations}"

    def label(self) -> str:
        """What a person calls it: `no-state, iteration 2/4, train`."""
        return f"{self.place()}, {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step of work.

    Before `share` its id is a path such as `arm/0/2/train`; after it, its key.
    """

    id: str
    kind: str
    params: Params
    inputs: tuple[Input, ...] = ()
    uses: tuple[Use, ...] = ()
    files: dict[str, str] = field(default_factory=dict)

    @property
    def directory(self) -> str:
        """The name of its directory in the store, once its id is its key."""
        return f"{self.kind}-{self.id[:SHORT]}"

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Stage:
        """The stage that a `stage.json` describes, with keys as ids and no uses.

        Raises:
            KeyError: something is missing, or there is no such kind.
            msgspec.ValidationError: its parameters are of another shape.
        """
        kind = KINDS[content["kind"]]
        inputs = (Input(slot=slot, stage=key, port=port) for slot, key, port in content["inputs"])
        return cls(
            id=content["key"],
            kind=content["kind"],
            params=kind.params.parse(content["params"]),
            inputs=tuple(inputs),
            files=content.get("files", {}),
        )

    @property
    def plain(self) -> dict[str, Any]:
        """The parameters as JSON values, as they enter the key."""
        return self.params.plain

    @property
    def declaration(self) -> Kind:
        """The stage kind as declared in `kinds`."""
        return KINDS[self.kind]

    @property
    def blind(self) -> bool:
        """Whether it belongs to an arm that observes nothing; one such use is enough."""
        return self.params.blind or any(use.blind for use in self.uses)

    @property
    def on_device(self) -> bool:
        """Whether a model runs or is trained in it, be it one of a component."""
        return self.declaration.on_device or self._runs_a_teacher

    @property
    def reads_student(self) -> bool:
        """Whether a component of it is handed a student, which it may run."""
        return any(part.reads in ("student", "base") for part in self._parts())

    @property
    def worker(self) -> Worker | None:
        """Which warm worker can run it."""
        return "heavy" if self._runs_a_teacher else self.declaration.worker

    @property
    def _runs_a_teacher(self) -> bool:
        return any(part.on_device for part in self._parts())

    def _parts(self) -> Iterator[Component]:
        """Its components, and all that they are made of."""
        for _, component in self.params.components():
            yield from component.walk()

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of what it writes."""
        return self.declaration.ports(self.params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One experiment: what its report needs, and under which circumstances its stages run."""

    name: str
    stages: tuple[str, ...]
    index: Index
    circumstances: Circumstances = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """All stages, each after those it reads, and the experiments that use them."""

    stages: tuple[Stage, ...]
    entries: tuple[Entry, ...] = ()

    @cached_property
    def _known(self) -> dict[str, Stage]:
        return {stage.id: stage for stage in self.stages}

    def by_id(self) -> dict[str, Stage]:
        """The stages by id."""
        return self._known

    @cached_property
    def marks(self) -> dict[str, str]:
        """The hashes of stages' own files by id, as far as somebody has made them."""
        return {}

    def uses(self, stage: Stage, experiment: str) -> Sequence[Use]:
        """Where an experiment uses a stage.

        All experiments of a sweep may use one: its uses are gone through once, and not for each.
        """
        by_experiment = self._uses.get(stage.id)
        if by_experiment is None:
            by_experiment = self._uses[stage.id] = {}
            for use in stage.uses:
                by_experiment.setdefault(use.experiment, []).append(use)
        return by_experiment[experiment]

    @cached_property
    def _uses(self) -> dict[str, dict[str, list[Use]]]:
        return {}

    def of(self, entry: Entry) -> Iterator[Stage]:
        """The stages of one experiment, in topological order."""
        return (self._known[key] for key in entry.stages)

"""The models that a stage loads, and how large they are, before it runs.

A base student's size is in the log of the stage that brought it. Of a model that lies in a folder,
or in the hub's cache, the files tell it before anything has run. Nothing is fetched for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.params import EvaluateParams, StudentParams, TrainParams
from dataenvgym_spec.gym.students.weights import BYTES, parameters_in
from dataenvgym_spec.language.options import at
from dataenvgym_spec.questions.cost.spending import read_log
from dataenvgym_spec.store.layout import Layout

TRAINED: Final = 16
"""Bytes of a number that is trained: in single precision, with its gradient and two moments."""
STUDENT: Final = "student"
"""The kind of the stage that brings a base model."""
CONFIGS: Final = ("config.json", "model_index.json")
"""What every snapshot of a model or a pipeline has."""
VLLM: Final = "vllm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that a stage loads.

    Attributes:
        parameters: how many it has; 0 of one that the run makes and nobody has counted, and None
            of one that exists and is not on this machine.
        wide: bytes of each as it is loaded.
        trained: whether all of them are trained.
        in_vllm: whether vLLM runs it, with a cache beside it.
    """

    parameters: int | None
    wide: int
    trained: bool = False
    in_vllm: bool = False

    def memory(self, cache: int, *, on_gpu: bool) -> int:
        """Bytes of main memory that it takes; on the way to a GPU, its weights.

        Args:
            cache: that vLLM keeps of main memory beside a model.
            on_gpu: whether it runs on one.
        """
        parameters = self.parameters or 0
        if on_gpu:
            return parameters * self.wide
        wide = TRAINED if self.trained else self.wide
        return parameters * wide + (cache if self.in_vllm else 0)


@dataclass(slots=True)
class Models:
    """The models of stages.

    Attributes:
        known: all stages, by key.
        layout: the repository, where logs and files are looked for; None for nowhere.
    """

    known: Mapping[str, Stage]
    layout: Layout | None = None
    _bases: dict[str, str] = field(default_factory=dict)
    _sizes: dict[object, int | None] = field(default_factory=dict)

    def loaded(self, stage: Stage) -> tuple[Loaded, ...]:
        """What a stage loads: a student, and what its components run in it."""
        parts = [part for _, one in stage.params.components() for part in one.walk()]
        return (*self._students(stage, parts), *self._others(stage, parts))

    def base(self, stage: Stage) -> str:
        """The stage that brings the model which a stage runs; empty if it runs none."""
        way: list[str] = []
        above: Stage | None = stage
        while above is not None and above.kind != STUDENT and above.id not in self._bases:
            way.append(above.id)
            above = _model(above, self.known)
        found = ""
        if above is not None:
            found = self._bases.get(above.id, above.id)
        self._bases.update(dict.fromkeys(way, found))
        return found

    def _students(self, stage: Stage, parts: list[Component]) -> Iterator[Loaded]:
        """The student that a stage runs or trains, as often as it loads it."""
        if not stage.declaration.on_device or refers(stage):
            return
        parameters, params = self._student(stage), stage.params
        if isinstance(params, EvaluateParams):
            in_vllm = any(map(_runs_vllm, parts))
            yield Loaded(parameters=parameters, wide=BYTES[params.generate.dtype], in_vllm=in_vllm)
            return
        adapted = isinstance(params, TrainParams) and params.adapter is not None
        computed = BYTES[params.train.dtype] if isinstance(params, TrainParams) else 4
        wide = computed if adapted else BYTES["float32"]
        yield Loaded(parameters=parameters, wide=wide, trained=not adapted)
        if any(map(_runs_vllm, parts)):  # it samples answers beside the student that is trained
            yield Loaded(parameters=parameters, wide=computed, in_vllm=True)

    def _others(self, stage: Stage, parts: list[Component]) -> Iterator[Loaded]:
        """What teachers and painters run in a stage."""
        for part in parts:
            if not part.on_device:
                continue
            if part.definition.reads == "student":
                parameters = self._student(stage)
            else:
                parameters = self._size(part.part("model") or part, stage)
            wide = BYTES.get(part.options.get("dtype", ""), BYTES["float32"])
            yield Loaded(parameters=parameters, wide=wide, in_vllm=_runs_vllm(part))

    def _student(self, stage: Stage) -> int | None:
        """The parameters of the student that a stage runs."""
        key = self.base(stage)
        if key not in self._sizes:
            self._sizes[key] = self._brought(self.known[key]) if key in self.known else 0
        return self._sizes[key]

    def _brought(self, stage: Stage) -> int | None:
        """The parameters of the model that a stage brings, or has brought."""
        assert isinstance(stage.params, StudentParams)
        if self.layout is not None:
            log = read_log(self.layout.stage(stage.directory) / "log" / "run.json")
            if log is not None and log.parameters:
                return log.parameters
        model = stage.params.model
        return self._size(model, stage) if model.ready else 0

    def _size(self, component: Component, stage: Stage) -> int | None:
        """The parameters of a model that exists; None where it is not on this machine."""
        if component.identity not in self._sizes:
            folder = self._folder(component, stage)
            found = None if folder is None else parameters_in(folder)
            self._sizes[component.identity] = found
        return self._sizes[component.identity]

    def _folder(self, component: Component, stage: Stage) -> Path | None:
        """Where a model lies that exists; None if that is not on this machine."""
        for path, kind in component.marked("x-file").items():
            name = stage.files.get(str(at(component.options, path)))
            if kind == "directory" and name is not None and self.layout is not None:
                try:
                    return Contents(self.layout.root).place(name)
                except UserError:  # whoever loads it says how the folder is allowed here
                    return None
        for path, kind in component.marked("x-revision").items():
            name = component.options.get("id")
            if kind == "model" and name is not None and self.layout is not None:
                return _snapshot(name, at(component.options, path))
        return None


def refers(stage: Stage) -> bool:
    """Whether a stage brings a model that exists: it looks it up, and loads nothing."""
    return isinstance(stage.params, StudentParams) and stage.params.model.ready


def _model(stage: Stage, known: Mapping[str, Stage]) -> Stage | None:
    """The stage that a stage has its model from."""
    for slot in ("base", "student", "previous"):
        for read in stage.inputs:
            if read.slot == slot and read.stage in known:
                return known[read.stage]
    return None


def _runs_vllm(part: Component) -> bool:
    """Whether a component has a model run in vLLM."""
    if any(at(part.options, path) == VLLM for path in part.marked("x-backend")):
        return True
    if part.slot == "backend":
        return part.kind == VLLM
    return part.on_device and VLLM in part.definition.packages


def _snapshot(name: str, revision: str) -> Path | None:
    """The folder of a model in the hub's cache; None if it has none of it."""
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    for config in CONFIGS:
        found = try_to_load_from_cache(name, config, revision=revision)
        if isinstance(found, str):
            return Path(found).parent
    return None

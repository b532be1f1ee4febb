"""How large a stage's work is, and which stages work alike, by what their keys say.

What that costs is in `estimate`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Input, Stage
from dataenvgym_spec.graph.params import (
    CheckParams,
    DataParams,
    EvaluateParams,
    GenerateParams,
    PlanParams,
    StudentParams,
    TrainParams,
)
from dataenvgym_spec.graph.skill_params import AssignParams, LabelParams, SkillsParams
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.places import named

GROUPS: Final = 10
"""How many groups a source has that does not list them."""
WHOLE: Final = 1000
"""How many items a source has that a split draws as a whole."""
POSITIONS: Final = 1024
"""Tokens of the longest sequence of a model that does not say so."""

Known = Mapping[str, Stage]


def size(stage: Stage, known: Known) -> float:
    """The size that time depends on.

    That is `units`, and for an evaluation as many tokens as answers may have.
    """
    tokens = 1
    if isinstance(stage.params, EvaluateParams):
        tokens = stage.params.generate.max_new_tokens
    return max(1.0, units(stage, known) * tokens)


def units(stage: Stage, known: Known) -> float:
    """What a stage works on.

    Items drawn or answered, examples seen in training, examples asked for or checked, questions to
    a teacher in a plan.
    """
    params, amount = stage.params, 1.0
    if isinstance(params, DataParams):
        amount = _drawn(params)
    elif isinstance(params, SkillsParams | AssignParams | LabelParams):
        amount = _read_items(stage, known)
    elif isinstance(params, EvaluateParams):
        students = 2 if any(read.slot == "choice" for read in stage.inputs) else 1
        samples = params.generate.samples
        amount = students * samples * _read_items(stage, known)
    elif isinstance(params, StudentParams):
        amount = _pretraining(params.model)
    elif isinstance(params, TrainParams):
        length = params.train.length
        amount = _taught(stage, known) * (length.epochs or 0)
        if length.steps is not None:
            amount = length.steps * params.train.batch_size
    elif isinstance(params, GenerateParams | CheckParams):
        plans = [read.stage for read in stage.inputs if read.slot == "plan"]
        amount = sum(_amount(plan, known) for plan in plans)
    elif isinstance(params, PlanParams):
        amount = _questions(stage, known)
    return max(1.0, amount)


def answers(stage: Stage) -> float:
    """How many answers of teachers a unit of a stage's work takes; 1 where it asks none.

    Each teacher gives one, and the last, who solves or judges what the others wrote, as many as the
    component draws (`x-answers`).
    """
    total = 0.0
    for asking in _asking(stage):
        drawn = [1.0]
        for path in asking.marked("x-answers"):
            drawn += [float(value) for _, value in named(asking.options, path)]
        total += len(_teachers(asking)) - 1 + math.prod(drawn)
    # A plan counts the questions of each.
    return max(1.0, total if stage.kind != "plan" else 1.0)


def images(stage: Stage, known: Known) -> float:
    """How many images a stage has painted at most; 0 where nobody paints.

    Its engine makes so many candidates for an example (`x-candidates`), and each is painted.
    """
    params = stage.params
    if not isinstance(params, GenerateParams) or params.engine.part("painter") is None:
        return 0.0
    each = [1.0]
    for path in params.engine.marked("x-candidates"):
        each += [float(value) for _, value in named(params.engine.options, path)]
    return units(stage, known) * math.prod(each)


def painted_here(stage: Stage, known: Known) -> float:
    """How many of them a model paints that runs in the stage."""
    params = stage.params
    painter = params.engine.part("painter") if isinstance(params, GenerateParams) else None
    return images(stage, known) if painter is not None and painter.on_device else 0.0


def is_refill(stage: Stage) -> bool:
    """Whether a stage only makes or checks what is missing of what was asked for."""
    return any(read.slot == "yield" for read in stage.inputs)


def _asking(stage: Stage) -> list[Component]:
    """The components of a stage that ask a language model themselves."""
    parts = [part for _, one in stage.params.components() for part in one.walk()]
    return [part for part in parts if part.slot != "teacher" and _teachers(part)]


def _teachers(component: Component) -> list[Component]:
    """The language models that a component itself asks."""
    own = component.parts.values()
    return [part for part in own if part.slot == "teacher" and not part.procedural]


def _questions(stage: Stage, known: Known) -> float:
    """What a plan asks teachers: a policy decides at once, a proposer names parts of each skill."""
    skills = _skills(stage, known)
    asked = [skills if one.slot == "proposer" else 1.0 for one in _asking(stage)]
    return sum(asked)


def _skills(stage: Stage, known: Known) -> float:
    """How many skills there are: as many as groups, until it is known."""
    found = [known[read.stage] for read in stage.inputs if read.slot == "skills"]
    items = [read.stage for one in found for read in one.inputs if read.slot == "items"]
    for key in items:
        data = known.get(key)
        if data is not None and isinstance(data.params, DataParams):
            return _groups(data.params.source) or GROUPS
    return GROUPS


def allowed_tokens(stage: Stage, what: str, known: Known) -> float:
    """More tokens than this a stage cannot read or write."""
    params = stage.params
    if isinstance(params, EvaluateParams) and what == "generated":
        return units(stage, known) * params.generate.max_new_tokens
    if isinstance(params, TrainParams) and what == "trained":
        return units(stage, known) * params.train.max_length
    if isinstance(params, StudentParams) and what == "trained" and _pretraining(params.model):
        return units(stage, known) * _positions(params.model)
    return math.inf


def like(stage: Stage, known: Known) -> str:
    """What a stage has in common with those that work as fast.

    Its student, backend, engine and checks, not its amounts.
    """
    return canonical(_about(stage, known))


def _about(stage: Stage, known: Known) -> Any:
    params, plain = stage.params, stage.plain
    if isinstance(params, EvaluateParams):
        chosen = ("backend", "dtype", "repeatable")
        settings = {key: plain["generate"][key] for key in chosen if key in plain["generate"]}
        return [_model(stage, known), settings, params.score.kind]
    if isinstance(params, TrainParams):
        train = plain["train"]
        trained = [train["method"], train["dtype"], train.get("adapter")]
        return [_model(stage, known), *trained]
    if isinstance(params, StudentParams):
        return _bare(params.model)
    if isinstance(params, GenerateParams):
        return [plain["engine"], params.round > 0]
    if isinstance(params, CheckParams):
        checks = [check.kind for check in params.checks]
        return [checks, params.score.kind, is_refill(stage), *_asked(stage)]
    if isinstance(params, DataParams):
        return params.source.kind
    if isinstance(params, PlanParams):
        return [params.policy.kind, *_asked(stage)]
    if isinstance(params, SkillsParams | AssignParams | LabelParams):
        return params.discover.kind
    return stage.kind


def _asked(stage: Stage) -> list[Any]:
    """Who asks which teachers in a stage."""
    return [
        [one.slot, one.kind, answers(stage), *(teacher.word() for teacher in _teachers(one))]
        for one in _asking(stage)
    ]


def _bare(model: Component) -> dict[str, Any]:
    """A model less the training that made it."""
    recipes = {path[0] for path in model.marked("x-recipe")}
    options = {key: value for key, value in model.options.items() if key not in recipes}
    return {**options, "kind": model.kind}


def _model(stage: Stage, known: Known) -> dict[str, Any]:
    """The model that the student of a stage was made from."""
    # The base first: it leads to the model at once, a student only by way of its training.
    for slot in ("base", "student"):
        for read in stage.inputs:
            if read.slot == slot and read.stage in known:
                other = known[read.stage]
                if isinstance(other.params, StudentParams):
                    return _bare(other.params.model)
                return _model(other, known)
    return {}


def _pretraining(model: Component) -> float:
    """Examples that the trainings of a base student look at; 0 without any."""
    examples = 0.0
    for path, factors in model.marked("x-recipe").items():
        recipe = at(model.options, path)
        if recipe is not None:
            examples += math.prod(float(at(recipe, tuple(factor)) or 0) for factor in factors)
    return examples


def _positions(model: Component) -> float:
    for path, measure in model.marked("x-measure").items():
        for _, positions in named(model.options, path):
            if measure == "positions":
                return float(positions)
    return POSITIONS


def _drawn(params: DataParams) -> float:
    if isinstance(params.draw, str):
        low, high = params.lane
        return WHOLE * (high - low)
    if params.draw.items is not None:
        return params.draw.items
    return (params.draw.per_group or 0) * (_groups(params.source) or GROUPS)


def _groups(source: Component) -> int:
    """How many groups a source lists; 0 if it lists none."""
    for path in source.marked("x-groups"):
        for _, listed in named(source.options, path):
            return len(listed)
    return 0


def _read_items(stage: Stage, known: Known) -> float:
    return sum(_items(read.stage, read.port, known) for read in stage.inputs)


def _items(key: str, port: str, known: Known) -> float:
    """What a port holds to answer or to sort: items of a split, or candidates; others hold none."""
    stage = known.get(key)
    if stage is None:
        return 0
    if isinstance(stage.params, GenerateParams):
        return units(stage, known)
    if not isinstance(stage.params, DataParams):
        return 0
    drawn, show = _drawn(stage.params), stage.params.show
    if port == "shown" and show is not None:
        return drawn * show
    if port == "hidden":
        return drawn * (1 - (show or 0))
    return drawn


def _taught(stage: Stage, known: Known) -> float:
    """Examples that a training takes, of the amount of every plan behind them, once."""
    params = stage.params
    replay = params.replay if isinstance(params, TrainParams) else None
    part = 1.0
    if isinstance(params, TrainParams) and params.fraction is not None and not params.equal_steps:
        part = params.fraction
    accepted = [read for read in stage.inputs if read.slot == "accepted"]
    latest = len(accepted) if replay is None else replay.latest
    new = _planned(accepted[len(accepted) - latest :], known)
    if replay is None:
        return part * new
    old = replay.fraction * _planned(accepted[: len(accepted) - latest], known)
    return part * (new + old)


def _planned(accepted: Sequence[Input], known: Known) -> float:
    """The amounts of the plans behind some ports with accepted examples, each once."""
    plans: set[str] = set()
    for read in accepted:
        check = known.get(read.stage)
        if check is not None:
            plans |= {other.stage for other in check.inputs if other.slot == "plan"}
    return sum(_amount(plan, known) for plan in plans)


def _amount(key: str, known: Known) -> float:
    params = known[key].params if key in known else None
    return float(params.amount) if isinstance(params, PlanParams) else 1.0

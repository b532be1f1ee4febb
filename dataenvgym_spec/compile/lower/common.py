"""Parameters that the iterations of an arm have in common: who plans, checks and trains."""

from __future__ import annotations

from msgspec.structs import replace

from dataenvgym_spec.compile.lower.bind import Binder, conversation
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.params import CheckParams, PlanParams, TrainParams
from dataenvgym_spec.language.options import at
from dataenvgym_spec.language.spec import Agent


def planning(bind: Binder, seed: int) -> PlanParams:
    """Who decides, in which environment, and for how many examples."""
    record = bind.arm.experiment
    made = PlanParams.of(
        record.agent.observed,
        bind.component("policy", record.agent.policy),
        bind.component("environment", record.environment),
        amount=record.loop.teach.examples,
        seed=seed,
    )
    engine = bind.component("engine", record.agent.engine)
    # An arm that observes no errors has none to show.
    shows = record.agent.sees("errors") and any(map(_shows_errors, (engine, made.policy)))
    return replace(made, images=True) if shows else made


def _shows_errors(asking: Component) -> bool:
    """Whether an engine or a policy shows a teacher what the questions of errors are about."""
    marks = asking.definition.marked("x-shows").items()
    return any(what == "errors" and at(asking.options, path) for path, what in marks)


def judging(agent: Agent, checks: tuple[Component, ...], score: Component) -> CheckParams:
    """By which checks candidates are judged."""
    apart = []
    for check in checks:
        # What is only recorded of a split's hashes must not go with an example.
        if check.options["action"] == "record" and check.definition.reads == "splits":
            apart.append(check.kind)
    return CheckParams(
        observe=agent.observed, checks=checks, score=score, apart=tuple(apart) or None
    )


def training(bind: Binder, seed: int) -> TrainParams:
    """How a student is trained, if it is taught another arm's data as that says."""
    student, data = bind.arm.experiment.student, bind.arm.experiment.data_from
    train, adapter, fraction, equal_steps = student.train, student.train.adapter, None, None
    if data is not None and data.length is not None:
        train = replace(train, length=data.length.own or train.length)
    if data is not None and data.fraction < 1:
        fraction = data.fraction
        # A number of steps holds for any amount.
        is_equal = data.length is not None and data.length.steps == "equal"
        equal_steps = True if is_equal and train.length.steps is None else None
    method = bind.component("trainer", train.method)
    judges = method.definition.judges
    return TrainParams(
        method=method,
        score=bind.component("scorer", bind.arm.experiment.task.score) if judges else None,
        adapter=None if adapter is None else bind.component("adapter", adapter),
        train=train,
        template=student.prompt.template,
        chat=conversation(student.prompt),
        shots=bind.shots(student.prompt),
        seed=seed,
        fraction=fraction,
        equal_steps=equal_steps,
    )

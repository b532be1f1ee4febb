"""Lowers resolved arms to stages: one of each kind per iteration, arm and seed, not yet shared.

Stages are named by where they stand (`experiment/arm/seed/iteration/what`); `share` gives equal ones one key.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dataenvgym_spec.graph.ir import Entry, Graph, Input, Stage, Use
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm, Resolved
from dataenvgym_spec.resolve.lanes import lanes
from dataenvgym_spec.resolve.same_as import stamps

CHECK_ORDER = ("scorable", "duplicate", "overlap", "known")


def unroll(resolved: Resolved) -> Graph:
    """The graph of one experiment before sharing."""
    stages: list[Stage] = []
    for arm in resolved.arms:
        for seed in resolved.base.seeds.runs():
            stages += _Loop(arm, seed, resolved.base.name).run()
    entry = Entry(
        name=resolved.base.name, stages=tuple(stage.id for stage in stages), index=_index(resolved)
    )
    return Graph(stages=tuple(stages), entries=(entry,))


def _index(resolved: Resolved) -> dict[str, Any]:
    base = resolved.base
    return {
        "name": base.name,
        "description": base.description,
        "arms": [arm.name for arm in resolved.arms],
        "seeds": list(base.seeds.runs()),
        "iterations": {arm.name: arm.experiment.loop.iterations for arm in resolved.arms},
        "contrasts": msgspec.to_builtins(base.analysis.contrasts),
        "settings": {arm.name: _settings(arm) for arm in resolved.arms},
        "inputs": dict(sorted(resolved.inputs.items())),
        **({"sweep": resolved.sweep} if resolved.sweep else {}),
        **({"stamps": said} if (said := stamps(msgspec.to_builtins(base.task.splits))) else {}),
    }


def _settings(arm: Arm) -> dict[str, Any]:
    """What a person compares arms by: the resolved spec less what makes no difference to results."""
    plain: dict[str, Any] = msgspec.to_builtins(arm.experiment)
    return {
        key: plain[key]
        for key in (
            "task",
            "student",
            "teachers",
            "environment",
            "skills",
            "agent",
            "loop",
            "select",
        )
    }


def _component(slot: str, options: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A component as it enters a key: its resolved options and the number that versions its results."""
    return {**options, **more, "semantics": definition(slot, options["kind"]).version()}


def _spans_groups(source: dict[str, Any]) -> bool:
    """Whether items of one cluster may lie in several groups."""
    datasets = [family["dataset"] for family in source.get("families", {}).values()]
    named = {"cluster", "group"} <= source.get("fields", {}).keys()
    return (
        named
        or len(set(datasets)) < len(datasets)
        or definition("source", source["kind"]).distribution is not None
    )


def _reads(slot: str, options: dict[str, Any]) -> str | None:
    """What a component is declared to read besides what all of its slot read."""
    return definition(slot, options["kind"]).reads


class _Loop:
    """Builds the stages of one arm under one run seed."""

    def __init__(self, arm: Arm, seed: int, experiment: str) -> None:
        self.arm, self.seed, self.name = arm, seed, experiment
        self.record = arm.experiment
        self.stages: list[Stage] = []
        self.gate: list[Input] = []
        self.lanes = {role: list(lane) for role, lane in lanes(arm).items()}
        self.checks = self._checks()
        # Parameters that iterations have in common are one object, which `share` puts into canonical form once.
        self.evaluation: dict[tuple[str, ...], dict[str, Any]] = {
            splits: self._evaluation(splits) for splits in (("test",), ("selection",))
        }
        self.planning, self.judging, self.training = (
            self._planning(),
            self._judging(),
            self._training(),
        )

    def run(self) -> list[Stage]:
        splits = {role: self._data(role) for role in ("test", "selection", "feedback")}
        reserve, base = self._reserve(), self._student()
        skills = self._skills(splits["feedback"])
        students: list[Input] = [base]
        scores: list[Input] = []
        self._evaluate(0, base, splits["selection"], ("selection",))
        self._evaluate(0, base, splits["test"], ("test",))
        accepted: list[Input] = []
        before: list[Input] = []
        for iteration in range(1, self.record.loop.iterations + 1):
            self.gate = self._gate(iteration, scores)
            results = self._observation(iteration - 1, students[-1], splits["feedback"])
            plan = self._plan(iteration, [*before, *results, skills], students[-1])
            new, given = self._generate_and_check(iteration, plan, accepted, reserve, students[-1])
            accepted = [*accepted, *new]
            before = [
                Input(slot="state", stage=plan.stage, port="state"),
                *([given] if self._sees("yield_") else []),
            ]
            trained = self._train(
                iteration,
                base,
                students[-1],
                new if self.record.loop.train_on == "latest" else accepted,
            )
            students.append(trained)
            scores.append(self._evaluate(iteration, trained, splits["selection"], ("selection",)))
        self.gate = []
        self._finish(students, scores, splits["test"])
        return self.stages

    def _add(
        self,
        iteration: int | None,
        what: str,
        kind: str,
        params: dict[str, Any],
        inputs: list[Input],
        files: dict[str, str] | None = None,
    ) -> str:
        where = "" if iteration is None else f"{iteration}/"
        stage = f"{self.name}/{self.arm.name}/{self.seed}/{where}{what.replace(' ', '-')}"
        iterations = self.record.loop.iterations
        gate = self.gate if "gate" in KINDS[kind].slots else []
        use = Use(
            experiment=self.name,
            arm=self.arm.name,
            seed=self.seed,
            iteration=iteration,
            iterations=iterations,
            what=what,
        )
        self.stages.append(
            Stage(
                id=stage,
                kind=kind,
                params=params,
                inputs=(*inputs, *gate),
                uses=(use,),
                files=files or {},
            )
        )
        return stage

    # --- before the loop ----------------------------------------------------------------------------------------------

    def _source(self, name: str) -> dict[str, Any]:
        return _component("source", self.record.task.sources[name])

    def _files(self, component: dict[str, Any]) -> dict[str, str]:
        """Where the file that a component names by digest lies."""
        digest = component.get("path")
        return {digest: self.arm.files[digest].path} if digest in self.arm.files else {}

    def _data(self, role: str) -> str:
        split = getattr(self.record.task.splits, role)
        draw = {
            key: value
            for key, value in msgspec.to_builtins(split.draw).items()
            if value is not None
        }
        source = self._source(split.from_)
        params = {
            "role": role,
            "source": source,
            "draw": draw,
            "lane": self.lanes[role],
            "seed": self.record.seeds.splits,
        }
        if role == "feedback":
            params |= {
                "show": split.show,
                **({"parts": "by-cluster"} if _spans_groups(source) else {}),
            }
        return self._add(None, f"draw the {role} split", "data", params, [], self._files(source))

    def _reserve(self) -> Input | None:
        against = sorted(
            {
                role
                for check in self.checks
                if _reads("check", check) == "splits"
                for role in check.get("against", self.lanes)
            }
        )
        if not against:
            return None
        sources = [self._source(getattr(self.record.task.splits, role).from_) for role in against]
        params = {
            "lanes": {role: self.lanes[role] for role in against},
            "sources": dict(zip(against, sources, strict=True)),
            "seed": self.record.seeds.splits,
        }
        files = {digest: path for source in sources for digest, path in self._files(source).items()}
        stage = self._add(None, "reserve what splits may hold", "reserve", params, [], files)
        return Input(slot="reserve", stage=stage, port="hashes")

    def _student(self) -> Input:
        model = self.record.student.model
        params: dict[str, Any] = {"model": _component("model", model)}
        if model["kind"] == "scratch":
            recipe = {**model["pretrain"], "source": self._source(model["pretrain"]["source"])}
            params["model"] = {**params["model"], "pretrain": recipe}
            params |= {
                "template": self.record.student.prompt.template,
                "seed": self.record.seeds.student,
                "splits_seed": self.record.seeds.splits,
                "lane": [max(high for _, high in self.lanes.values()), 1.0],
            }
        stage = self._add(0, "make the base student", "student", params, [], self._files(model))
        return Input(slot="student", stage=stage, port="student")

    def _skills(self, feedback: str) -> Input:
        params = {"discover": _component("discovery", self.record.skills.discover)}
        inputs = [Input(slot="items", stage=feedback, port=port) for port in ("shown", "hidden")]
        return Input(
            slot="skills",
            stage=self._add(0, "discover skills", "skills", params, inputs),
            port="skills",
        )

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _sees(self, what: str) -> bool:
        observe = self.record.agent.observe
        return not isinstance(observe, str) and bool(getattr(observe, what))

    def _observe(self) -> str | dict[str, Any]:
        observe: str | dict[str, Any] = msgspec.to_builtins(self.record.agent.observe)
        return observe

    def _gate(self, iteration: int, scores: list[Input]) -> list[Input]:
        """What decides whether an iteration takes place, from the first one that `loop.stop` can stop on.

        Until then a loop that stops and one that does not are the same stages. Gated is also the evaluation on feedback that
        only this iteration's plan reads.
        """
        stop = self.record.loop.stop
        if stop is None or len(scores) <= stop.patience:
            return []
        return [
            Input(
                slot="gate",
                stage=self._add(
                    iteration, "go on or stop", "gate", {"patience": stop.patience}, scores
                ),
                port="gate",
            )
        ]

    def _students(self, *students: Input) -> list[Input]:
        """A student to evaluate; an adapter comes with the base it adapts."""
        base = next(stage.id for stage in self.stages if stage.kind == "student")
        inputs = [
            Input(slot="student", stage=student.stage, port="student") for student in students
        ]
        adapted = self.record.student.train.adapter is not None and any(
            student.stage != base for student in students
        )
        return [*inputs, *([Input(slot="base", stage=base, port="student")] if adapted else [])]

    def _evaluation(self, splits: tuple[str, ...]) -> dict[str, Any]:
        return {
            "splits": list(splits),
            "generate": msgspec.to_builtins(self.record.student.generate),
            "template": self.record.student.prompt.template,
            "score": _component("scorer", self.record.task.score),
        }

    def _evaluate(
        self, iteration: int, student: Input, data: str, splits: tuple[str, ...]
    ) -> Input:
        items = [Input(slot="items", stage=data, port=split) for split in splits]
        what = f"evaluate on {'feedback' if splits[0] in ('shown', 'hidden') else splits[0]}"
        params = self.evaluation.get(splits) or self.evaluation.setdefault(
            splits, self._evaluation(splits)
        )
        stage = self._add(iteration, what, "evaluate", params, [*self._students(student), *items])
        return Input(slot="results", stage=stage, port=splits[0])

    def _observation(self, iteration: int, student: Input, feedback: str) -> list[Input]:
        """What the agent sees of a student; nothing is evaluated that nobody may look at."""
        splits = (
            *(("shown",) if self._sees("errors") else ()),
            *(("hidden",) if self._sees("scores") else ()),
        )
        if not splits:
            return []
        stage = self._evaluate(iteration, student, feedback, splits).stage
        return [Input(slot="results", stage=stage, port=split) for split in splits]

    def _planning(self) -> dict[str, Any]:
        return {
            "observe": self._observe(),
            "policy": _component("policy", self.record.agent.policy),
            "amount": self.record.loop.teach.examples,
            "seed": self.seed,
        }

    def _plan(self, iteration: int, inputs: list[Input], student: Input) -> Input:
        read = (
            self._students(student)
            if _reads("policy", self.record.agent.policy) == "student"
            else []
        )
        return Input(
            slot="plan",
            stage=self._add(iteration, "plan", "plan", self.planning, [*inputs, *read]),
            port="plan",
        )

    def _judging(self) -> dict[str, Any]:
        checks = [_component("check", options) for options in self.checks]
        apart = [
            options["kind"]
            for options in checks
            if options["action"] == "record" and _reads("check", options) == "splits"
        ]
        score = _component("scorer", self.record.task.score)
        return {
            "observe": self._observe(),
            "checks": checks,
            "score": score,
            **({"apart": apart} if apart else {}),
        }

    def _generate_and_check(
        self,
        iteration: int,
        plan: Input,
        accepted: list[Input],
        reserve: Input | None,
        student: Input,
    ) -> tuple[list[Input], Input]:
        """The rounds of one iteration: what is missing after a round is requested again in the next."""
        engine = self.record.agent.engine
        teacher = self.record.teachers[engine["teacher"]]
        made_by = _component(
            "teacher",
            teacher,
            **({"source": self._source(teacher["source"])} if "source" in teacher else {}),
        )
        read = self._students(student) if _reads("engine", engine) == "student" else []
        new: list[Input] = []
        given: list[Input] = []
        for attempt in range(self.record.loop.teach.refill + 1):
            params = {
                "observe": self._observe(), "engine": _component("engine", engine, teacher=made_by),
                "iteration": iteration, "round": attempt, "seed": self.seed,
            }  # fmt: skip
            again = f", refill {attempt}" if attempt else ""
            made = self._add(
                iteration, f"generate{again}", "generate", params, [plan, *given, *read]
            )
            candidates = Input(slot="candidates", stage=made, port="candidates")
            answers = self._answers(iteration, again, student, candidates)
            inputs = [
                candidates,
                plan,
                *given,
                *accepted,
                *new,
                *([reserve] if reserve else []),
                *answers,
            ]
            stage = self._add(iteration, f"check{again}", "check", self.judging, inputs)
            new.append(Input(slot="accepted", stage=stage, port="accepted"))
            given = [Input(slot="yield", stage=stage, port="yield")]
        return new, given[0]

    def _answers(
        self, iteration: int, again: str, student: Input, candidates: Input
    ) -> list[Input]:
        """How the student does on the candidates of a round, if a check wants to know."""
        if all(_reads("check", options) != "student" for options in self.checks):
            return []
        params = self.evaluation.get(("candidates",)) or self.evaluation.setdefault(
            ("candidates",), self._evaluation(("candidates",))
        )
        stage = self._add(
            iteration,
            f"evaluate on candidates{again}",
            "evaluate",
            params,
            [*self._students(student), candidates],
        )
        return [Input(slot="answers", stage=stage, port="candidates")]

    def _checks(self) -> list[dict[str, Any]]:
        """The checks that are not off, in the order in which they judge: the built-in ones first, then others by name."""
        checks = self.record.agent.checks
        named = sorted(
            checks,
            key=lambda name: (
                CHECK_ORDER.index(name) if name in CHECK_ORDER else len(CHECK_ORDER),
                name,
            ),
        )
        return [checks[name] for name in named if checks[name]["action"] != "off"]

    def _training(self) -> dict[str, Any]:
        train = {
            key: value
            for key, value in msgspec.to_builtins(self.record.student.train).items()
            if value is not None
        }
        train["length"] = {
            key: value for key, value in train["length"].items() if value is not None
        }
        if "adapter" in train:
            train["adapter"] = _component("adapter", train["adapter"])
        return {"train": train, "template": self.record.student.prompt.template, "seed": self.seed}

    def _train(self, iteration: int, base: Input, last: Input, accepted: list[Input]) -> Input:
        previous = [Input(slot="previous", stage=last.stage, port="student")] if self.gate else []
        inputs = [Input(slot="base", stage=base.stage, port="student"), *accepted, *previous]
        return Input(
            slot="student",
            stage=self._add(iteration, "train", "train", self.training, inputs),
            port="student",
        )

    def _finish(self, students: list[Input], scores: list[Input], test: str) -> None:
        params = msgspec.to_builtins(self.record.select)
        choice = self._add(None, "select", "select", params, scores)
        inputs = [
            *self._students(*students[1:]),
            Input(slot="items", stage=test, port="test"),
            Input(slot="choice", stage=choice, port="choice"),
        ]
        self._add(
            None, "evaluate best and last on test", "evaluate", self.evaluation["test",], inputs
        )

"""Builds the stages of one arm under one run seed, one method a stage kind.

In what order is said in `loop`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import msgspec

from dataenvgym_spec.compile.allotment import allotment
from dataenvgym_spec.compile.lower.bind import (
    RESERVED,
    Binder,
    conversation,
    reserved,
    spans_groups,
)
from dataenvgym_spec.compile.lower.common import judging, planning, training
from dataenvgym_spec.compile.lower.turn import Inputs, Made, Setup, Turn
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Input, Stage, Use
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.params import (
    AssignParams,
    DataParams,
    EvaluateParams,
    GateParams,
    GenerateParams,
    Params,
    ReserveParams,
    SelectParams,
    SkillsParams,
    StudentParams,
)
from dataenvgym_spec.language.components import standard
from dataenvgym_spec.language.student import Prompt
from dataenvgym_spec.language.task import WRONG_GOLD
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import lanes, shared_out

P = TypeVar("P", bound=Params)


class Builder:
    """Builds stages and keeps them in the order in which they were asked for."""

    def __init__(self, arm: Arm, seed: int, experiment: str) -> None:
        self.arm, self.seed, self.name = arm, seed, experiment
        self.record = arm.experiment
        self.bind = Binder(arm)
        self.stages: list[Stage] = []
        self.lanes = lanes(arm)
        self.splits_seed = allotment(arm).seed
        # Parameters that iterations have in common are one record, whose canonical form is made
        # once.
        self.checks = self.bind.checks()
        self.score = self.bind.component("scorer", self.record.task.score)
        self.engine = self.bind.component("engine", self.record.agent.engine)
        self.planning = planning(self.bind, seed)
        self.judging = judging(self.record.agent, self.checks, self.score)
        self.training = training(self.bind, seed)
        self.going_on = msgspec.structs.replace(self.training, start="previous")
        self.evaluations: dict[tuple[str, ...], EvaluateParams] = {}
        self.pool: str | None = None
        self.stale: Inputs = ()

    # --- before the loop ------------------------------------------------------------------------

    def setup(self) -> Setup:
        """The splits, what is reserved for them, the base student and the skills."""
        splits = {role: self._data(role) for role in self.lanes}
        self.pool = splits.get("pool")
        reserve, base = self._reserve(), self._student()
        skills = self._skills(splits["feedback"])
        return Setup(splits=splits, reserve=reserve, base=base, skills=skills)

    def _data(self, role: str) -> str:
        splits, share = self.record.task.splits, self.record.task.wrong_gold
        amount = splits.drawn()[role].draw
        params = DataParams(
            role=role,  # type: ignore[arg-type]
            source=self.bind.source(role),
            score=self.score,
            wrong_gold=None if share == WRONG_GOLD else share,
            # The rest is all that lies in its lane.
            draw="all" if isinstance(amount, str) else amount,
            lane=self.lanes[role],
            seed=self.splits_seed,
        )
        params = self._kept_apart(params, self.bind.apart(role))
        if role == "feedback":
            parts = "by-cluster" if spans_groups(params.source) else None
            params = msgspec.structs.replace(params, show=splits.feedback.show, parts=parts)
        return self._add(None, f"draw the {role} split", "data", params)

    def _kept_apart(self, params: P, sources: dict[str, Component] | None) -> P:
        """Parameters with what must not be drawn: sources by role, each in the lane of its role."""
        if sources is None:
            return params
        owned = {role: self.lanes[role] for role in sources}
        return msgspec.structs.replace(params, apart=sources, apart_lanes=owned)

    def _reserve(self) -> Input | None:
        """What the splits may hold that a check keeps examples clear of."""
        readers = [check for check in self.checks if check.definition.reads == "splits"]
        named = {role for check in readers for role in reserved(check, RESERVED)}
        roles = sorted(named)
        if not roles:
            return None
        params = ReserveParams(
            lanes={role: self.lanes[role] for role in roles},  # type: ignore[misc]
            sources={role: self.bind.source(role) for role in roles},  # type: ignore[misc]
            seed=self.splits_seed,
        )
        stage = self._add(None, "reserve what splits may hold", "reserve", params)
        return Input(slot="reserve", stage=stage, port="hashes")

    def _student(self) -> Input:
        model = self.bind.component("model", self.record.student.model)
        params = StudentParams(model=model)
        if any(part.slot == "source" for part in model.walk()):
            # It draws what it learns from beyond the last lane, which belongs to no split.
            params = StudentParams(
                model=model,
                trainer=self.bind.component("trainer", standard("trainer")),
                template=self.record.student.prompt.template,
                seed=self.record.seeds.student,
                splits_seed=self.splits_seed,
                lane=(shared_out(self.arm), 1.0),
            )
            params = self._kept_apart(params, self.bind.untaught())
        stage = self._add(0, "make the base student", "student", params)
        return Input(slot="student", stage=stage, port="student")

    def _skills(self, feedback: str) -> Inputs:
        if self.record.skills is None or self.planning.works_in.definition.reads != "skills":
            return ()
        discovery = self.bind.component("discovery", self.record.skills.discover)
        shown, hidden = (
            Input(slot="items", stage=feedback, port=port) for port in ("shown", "hidden")
        )
        params = SkillsParams(discover=discovery)
        read = (shown, hidden) if params.of_source else (shown,)
        stage = self._add(0, "discover skills", "skills", params, *read)
        found = Input(slot="skills", stage=stage, port="skills")
        if params.of_source:
            return (found,)
        labelled = AssignParams(discover=discovery)
        stage = self._add(0, "assign skills", "assign", labelled, found, shown, hidden)
        return (Input(slot="skills", stage=stage, port="skills"),)

    # --- the loop -------------------------------------------------------------------------------

    def gate(self, turn: Turn) -> Turn:
        """The next turn, with what decides whether it takes place.

        Before the first iteration that `loop.stop` can stop on there is nothing to decide: until
        then a loop that stops and one that does not are the same stages.
        """
        number, stop = turn.number + 1, self.record.loop.stop
        gate: Inputs = ()
        if stop is not None and len(turn.scores) > stop.patience:
            params = GateParams(patience=stop.patience)
            stage = self._add(number, "go on or stop", "gate", params, *turn.scores)
            gate = (Input(slot="gate", stage=stage, port="gate"),)
        return replace(turn, number=number, gate=gate)

    def evaluate(self, turn: Turn, split: str, data: str) -> Input:
        """The latest student's answers to a split."""
        return self._evaluate(turn.number, turn, data, (split,))

    def baselines(self, turn: Turn, test: str) -> None:
        """The untaught student's answers to the sealed test under other prompts.

        Nothing reads them but the report.
        """
        items = Input(slot="items", stage=test, port="test")
        for name, baseline in self.record.baselines.items():
            params = self._asked(("test",), baseline.prompt)
            inputs = (*self._students(turn.student), items, *self._shots(baseline.prompt))
            what = f"evaluate baseline {name} on test"
            self._add(0, what, "evaluate", params, *inputs, baseline=name)

    def observe(self, turn: Turn, setup: Setup) -> Inputs:
        """What the agent sees of the student that it watches.

        Nothing is evaluated that nobody may look at. The evaluation stands in the iteration whose
        student it is of, and under the gate of the plan that alone reads it.
        """
        splits: tuple[str, ...] = ()
        if self.record.agent.sees("errors"):
            splits += ("shown",)
        if self.record.agent.sees("scores"):
            splits += ("hidden",)
        if not splits:
            return ()
        if self.stale:
            return self.stale
        watched = self._watching(turn, setup)
        stage = self._evaluate(turn.number - 1, watched, setup.splits["feedback"], splits).stage
        seen = tuple(Input(slot="results", stage=stage, port=split) for split in splits)
        if self.record.agent.watches_base:
            self.stale = seen
        return seen

    def _watching(self, turn: Turn, setup: Setup) -> Turn:
        """The turn as the agent sees it: with the base student, if that is whom it watches."""
        return replace(turn, student=setup.base) if self.record.agent.watches_base else turn

    def plan(self, turn: Turn, setup: Setup, seen: Inputs) -> Input:
        """What the agent decides."""
        watched = self._watching(turn, setup).student
        read = self._read_by(self.planning.policy, watched)
        inputs = (*turn.state, *seen, *setup.skills, *read)
        stage = self._add(turn.number, "plan", "plan", self.planning, *inputs, gate=turn.gate)
        return Input(slot="plan", stage=stage, port="plan")

    def rounds(self, turn: Turn, setup: Setup, plan: Input) -> Made:
        """Generates and checks; what is missing after a round is requested again in the next."""
        accepted: Inputs = ()
        given: Inputs = ()
        reserve = (setup.reserve,) if setup.reserve is not None else ()
        turn = self._watching(turn, setup)
        for attempt in range(self.record.loop.teach.refill + 1):
            again = f", refill {attempt}" if attempt else ""
            candidates = self._generate(turn, attempt, again, (plan, *given))
            answers = self._answers(turn, again, candidates)
            before = (*turn.accepted, *accepted)
            inputs = (candidates, plan, *given, *before, *reserve, *answers)
            stage = self._add(
                turn.number, f"check{again}", "check", self.judging, *inputs, gate=turn.gate
            )
            accepted += (Input(slot="accepted", stage=stage, port="accepted"),)
            given = (Input(slot="yield", stage=stage, port="yield"),)
        return Made(accepted=accepted, given=given[0])

    def _generate(self, turn: Turn, attempt: int, again: str, inputs: Inputs) -> Input:
        params = GenerateParams(
            observe=self.record.agent.observed,
            engine=self.engine,
            iteration=turn.number,
            round=attempt,
            seed=self.seed,
        )
        read = self._read_by(self.engine, turn.student)
        stage = self._add(
            turn.number, f"generate{again}", "generate", params, *inputs, *read, gate=turn.gate
        )
        return Input(slot="candidates", stage=stage, port="candidates")

    def _answers(self, turn: Turn, again: str, candidates: Input) -> Inputs:
        """How the student does on the candidates of a round, if a check wants to know."""
        if all(check.definition.reads != "student" for check in self.checks):
            return ()
        params = self._evaluation(("candidates",))
        inputs = (*self._students(turn.student), candidates, *self._shots())
        what = f"evaluate on candidates{again}"
        stage = self._add(turn.number, what, "evaluate", params, *inputs, gate=turn.gate)
        return (Input(slot="answers", stage=stage, port="candidates"),)

    def after(self, turn: Turn, plan: Input, made: Made) -> Turn:
        """The turn with what the agent remembers, and the examples that it got."""
        state: Inputs = (Input(slot="state", stage=plan.stage, port="state"),)
        if self.record.agent.sees("yield"):
            state += (made.given,)
        return replace(
            turn,
            state=state,
            latest=made.accepted,
            accepted=(*turn.accepted, *made.accepted),
        )

    def train(self, turn: Turn, setup: Setup) -> Turn:
        """The turn with its student."""
        taught = turn.latest if self.record.loop.train_on == "latest" else turn.accepted
        goes_on = self.record.loop.start_from == "previous" and turn.number > 1
        previous: Inputs = ()
        if turn.gate or goes_on:
            previous = (Input(slot="previous", stage=turn.student.stage, port="student"),)
        params = self.going_on if goes_on else self.training
        base = Input(slot="base", stage=setup.base.stage, port="student")
        inputs = (base, *taught, *previous, *self._shots())
        stage = self._add(turn.number, "train", "train", params, *inputs, gate=turn.gate)
        return replace(turn, student=Input(slot="student", stage=stage, port="student"))

    # --- after the loop -------------------------------------------------------------------------

    def select(self, turn: Turn) -> Input:
        """Which student is best, and which is last."""
        params = SelectParams.of(self.record.select)
        stage = self._add(None, "select", "select", params, *turn.scores)
        return Input(slot="choice", stage=stage, port="choice")

    def sealed(self, students: Inputs, choice: Input, test: str) -> None:
        """The evaluation of best and last on test, which nothing reads but the report."""
        items = Input(slot="items", stage=test, port="test")
        inputs = (*self._students(*students), items, choice, *self._shots())
        params = self._evaluation(("test",))
        self._add(None, "evaluate best and last on test", "evaluate", params, *inputs)

    # --- what they have in common ---------------------------------------------------------------

    def _add(
        self,
        iteration: int | None,
        what: str,
        kind: str,
        params: Params,
        *inputs: Input,
        gate: Inputs = (),
        baseline: str | None = None,
    ) -> str:
        where = "" if iteration is None else f"{iteration}/"
        stage = f"{self.name}/{self.arm.name}/{self.seed}/{where}{what.replace(' ', '-')}"
        use = Use(
            experiment=self.name,
            arm=self.arm.name,
            seed=self.seed,
            iteration=iteration,
            iterations=self.record.loop.iterations,
            what=what,
            baseline=baseline,
            blind=self.record.agent.observe == "nothing",
        )
        assert not gate or KINDS[kind].gated
        self.stages.append(
            Stage(
                id=stage,
                kind=kind,
                params=params,
                inputs=(*inputs, *gate),
                uses=(use,),
                files=self.bind.files(params),
            )
        )
        return stage

    def _students(self, *students: Input) -> Inputs:
        """Students to run; an adapter comes with the base that it adapts."""
        base = next(stage.id for stage in self.stages if stage.kind == "student")
        inputs = tuple(Input(slot="student", stage=item.stage, port="student") for item in students)
        taught = any(student.stage != base for student in students)
        if self.training.adapter is not None and taught:
            return (*inputs, Input(slot="base", stage=base, port="student"))
        return inputs

    def _shots(self, prompt: Prompt | None = None) -> Inputs:
        """The pool, if prompts show some of it; the student's, if no other is given."""
        shots = (prompt or self.record.student.prompt).few_shot
        if shots is None or shots.from_ != "pool" or self.pool is None:
            return ()
        return (Input(slot="shots", stage=self.pool, port="pool"),)

    def _read_by(self, component: Component, student: Input) -> Inputs:
        """The student and the pool, if a component or a part of it is declared to read them."""
        reads = {part.definition.reads for part in component.walk()}
        inputs: Inputs = ()
        if "pool" in reads and self.pool is not None:
            inputs = (Input(slot="pool", stage=self.pool, port="pool"),)
        return (*inputs, *self._students(student)) if "student" in reads else inputs

    def _evaluate(self, iteration: int, turn: Turn, data: str, splits: tuple[str, ...]) -> Input:
        items = [Input(slot="items", stage=data, port=split) for split in splits]
        feedback = splits[0] in ("shown", "hidden")
        what = f"evaluate on {'feedback' if feedback else splits[0]}"
        params = self._evaluation(splits)
        inputs = (*self._students(turn.student), *items, *self._shots())
        stage = self._add(iteration, what, "evaluate", params, *inputs, gate=turn.gate)
        return Input(slot="results", stage=stage, port=splits[0])

    def _evaluation(self, splits: tuple[str, ...]) -> EvaluateParams:
        if splits not in self.evaluations:
            self.evaluations[splits] = self._asked(splits, self.record.student.prompt)
        return self.evaluations[splits]

    def _asked(self, splits: tuple[str, ...], prompt: Prompt) -> EvaluateParams:
        generate = self.record.student.generate
        return EvaluateParams(
            splits=splits,
            backend=self.bind.component("backend", generate.backend),
            generate=generate,
            template=prompt.template,
            chat=conversation(prompt),
            shots=self.bind.shots(prompt),
            score=self.score,
            seed=self.seed if generate.draws else None,
        )

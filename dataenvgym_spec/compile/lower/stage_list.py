"""The stages of one arm under one run seed, and what building them has in common.

Which there are is said in `stages`.
"""

from __future__ import annotations

import msgspec

from dataenvgym_spec.compile.allotment import allotment
from dataenvgym_spec.compile.lower.bind import Binder, conversation
from dataenvgym_spec.compile.lower.common import judging, planning, training
from dataenvgym_spec.compile.lower.turn import Inputs, Turn
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Input, Stage, Use
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.params import EvaluateParams, PlanParams
from dataenvgym_spec.language.student import Prompt
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import lanes


class StageList:
    """Keeps stages in the order in which they were asked for."""

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
        self.idles = self.bind.component("environment", self.record.environment).definition.idles
        self.planning = planning(self.bind, seed)
        self.judging = judging(self.record.agent, self.checks, self.score)
        self.training = training(self.bind, seed)
        self.going_on = msgspec.structs.replace(self.training, start="previous")
        self.plannings: dict[tuple[int, int], PlanParams] = {}
        self.evaluations: dict[tuple[str, ...], EvaluateParams] = {}
        self.pool: str | None = None
        self.stale: Inputs = ()

    def add(
        self,
        iteration: int | None,
        what: str,
        kind: str,
        params: Params,
        *inputs: Input,
        gate: Inputs = (),
        baseline: str | None = None,
        probe: str | None = None,
        each: int | None = None,
        of: StageList | None = None,
    ) -> str:
        """Adds a stage; one that is `of` another run, and is read by this one, is shown there."""
        whose = of or self
        where = "" if iteration is None else f"{iteration}/"
        stage = f"{self.name}/{self.arm.name}/{self.seed}/{where}{what.replace(' ', '-')}"
        use = Use(
            experiment=self.name,
            arm=whose.arm.name,
            seed=whose.seed,
            iteration=iteration,
            iterations=whose.record.loop.iterations,
            what=what,
            baseline=baseline,
            probe=probe,
            each=each,
            blind=whose.record.agent.observe == "nothing",
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

    def students(self, *students: Input) -> Inputs:
        """Students to run; an adapter comes with the base that it adapts."""
        base = self.base()
        inputs = tuple(Input(slot="student", stage=item.stage, port="student") for item in students)
        taught = any(student.stage != base.stage for student in students)
        if self.training.adapter is not None and taught:
            return (*inputs, base)
        return inputs

    def shots(self, prompt: Prompt | None = None) -> Inputs:
        """The pool, if prompts show some of it; the student's, if no other is given."""
        shots = (prompt or self.record.student.prompt).few_shot
        if shots is None or shots.from_ != "pool" or self.pool is None:
            return ()
        return (Input(slot="shots", stage=self.pool, port="pool"),)

    def read_by(self, who: StageList, turn: Turn, *components: Component) -> Inputs:
        """The student and the pool, if components or parts of them are declared to read them."""
        reads = {part.reads for one in components for part in one.walk()}
        inputs: Inputs = ()
        if reads & {"pool", "pool-results"} and self.pool is not None:
            inputs = (Input(slot="pool", stage=self.pool, port="pool"),)
        if "student" in reads:
            inputs += who.students(turn.student)
        if "base" in reads and all(item.slot != "base" for item in inputs):
            inputs += (who.base(),)
        return inputs

    def untaught_read_by(self, component: Component) -> Inputs:
        """The untaught student, if a part of a component reads one before the loop begins."""
        reads = {part.reads for part in component.walk()}
        return (self.base(),) if reads & {"student", "base"} else ()

    def base(self) -> Input:
        """The untaught student."""
        stage = next(stage.id for stage in self.stages if stage.kind == "student")
        return Input(slot="base", stage=stage, port="student")

    def evaluate_by(
        self,
        iteration: int,
        turn: Turn,
        data: str,
        splits: tuple[str, ...],
        of: StageList | None = None,
    ) -> Input:
        """A student's answers, asked as the arm asks that it is of."""
        who = of or self
        items = [Input(slot="items", stage=data, port=split) for split in splits]
        feedback = splits[0] in ("shown", "hidden")
        what = f"evaluate on {'feedback' if feedback else splits[0]}"
        params = who.evaluation(splits)
        inputs = (*who.students(turn.student), *items, *who.shots())
        stage = self.add(iteration, what, "evaluate", params, *inputs, gate=turn.gate, of=who)
        return Input(slot="results", stage=stage, port=splits[0])

    def evaluation(self, splits: tuple[str, ...]) -> EvaluateParams:
        """How this arm's students are asked, with their own prompt."""
        if splits not in self.evaluations:
            self.evaluations[splits] = self.asked(splits, self.record.student.prompt)
        return self.evaluations[splits]

    def planning_in(self, number: int, amount: int) -> PlanParams:
        """How the agent plans in a round that asks for so many examples."""
        if (number, amount) not in self.plannings:
            self.plannings[number, amount] = self.planning.in_round(number, amount)
        return self.plannings[number, amount]

    def asked(self, splits: tuple[str, ...], prompt: Prompt) -> EvaluateParams:
        """How they are asked with a prompt."""
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

"""The runs of an experiment, one per arm and seed, and their iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dataenvgym_spec.records.evaluations import Choice, Result, Stopped
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.records.experiment import Copy
from dataenvgym_spec.records.plans import Plan, SkillMap
from dataenvgym_spec.results.stage import StageResult


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Iteration:
    """One turn of the loop in one run; 0 is the base student before the first plan.

    It is also one of the rounds of such a turn, with the stages of that alone.
    """

    number: int
    stages: tuple[StageResult, ...]

    def __repr__(self) -> str:
        """One line for a notebook."""
        return f"<Iteration {self.number}: {_progress(self.stages)}>"

    def of(self, kind: str) -> tuple[StageResult, ...]:
        """Its stages of a kind, in order."""
        return tuple(stage for stage in self.stages if stage.kind == kind)

    @property
    def rounds(self) -> tuple[Iteration, ...]:
        """The rounds of the agent, each with its plan and what carries that out, in order."""
        rounds = []
        for plan in self.of("plan"):
            mine = (stage for stage in self.stages if plan.key in (stage.key, *stage.inputs))
            # A later plan reads the one before it.
            made = (stage for stage in mine if stage.kind != "plan" or stage is plan)
            rounds.append(Iteration(number=self.number, stages=tuple(made)))
        return tuple(rounds)

    @property
    def plan(self) -> Plan | None:
        """What the agent decided, of several rounds in the first; None before it has."""
        plans = self.of("plan")
        return plans[0].record("plan", "plan.json", Plan) if plans else None

    @property
    def plans(self) -> list[Plan]:
        """What the agent decided, plan after plan; those that are done."""
        found = [stage.record("plan", "plan.json", Plan) for stage in self.of("plan")]
        return [plan for plan in found if plan is not None]

    @property
    def allocation(self) -> dict[str, int]:
        """How many examples its plans ask for in all, by skill."""
        amounts: dict[str, int] = {}
        for plan in self.plans:
            for skill, count in plan.allocation.items():
                amounts[skill] = amounts.get(skill, 0) + count
        return amounts

    @property
    def generated(self) -> list[Example]:
        """All candidates of all rounds."""
        rows: list[Example] = []
        for stage in self.of("generate"):
            rows += stage.rows("candidates", "examples.jsonl", Example)
        return rows

    @property
    def accepted(self) -> list[Example]:
        """The accepted examples of all rounds."""
        rows: list[Example] = []
        for stage in self.of("check"):
            rows += stage.rows("accepted", "examples.jsonl", Example)
        return rows

    def amount(self, kind: str, port: str) -> int:
        """How many examples the stages of a kind wrote to a port; none of them is read."""
        stages = [stage for stage in self.of(kind) if stage.done]
        return sum(stage.count(port, "examples.jsonl") for stage in stages)

    @property
    def taught(self) -> int:
        """How many accepted examples are trained on: all, but where a training sets some aside.

        Of an iteration that brought none, none is set aside.
        """
        logs = [stage.log for stage in self.of("check")]
        accepted = sum(log.accepted or 0 for log in logs if log is not None)
        training = self.training
        log = training.log if training is not None else None
        set_aside = log.set_aside if log is not None else None
        return accepted - (set_aside or 0) if accepted else 0

    @property
    def asked(self) -> int:
        """How many examples its plans ask for."""
        return sum(self.allocation.values())

    @property
    def rejected(self) -> list[Rejected]:
        """The rejected examples of all rounds, each with the check's objection."""
        rows: list[Rejected] = []
        for stage in self.of("check"):
            rows += stage.rows("rejected", "examples.jsonl", Rejected)
        return rows

    @property
    def tally(self) -> dict[str, dict[str, int]]:
        """How many candidates had which fate, by skill, over all rounds.

        A fate is `accepted`, `surplus`, or the name of the check that rejected a candidate.
        """
        totals: dict[str, dict[str, int]] = {}
        for stage in self.of("check"):
            for skill, counts in stage.tally().items():
                mine = totals.setdefault(skill, {})
                for fate, count in counts.items():
                    mine[fate] = mine.get(fate, 0) + count
        return totals

    @property
    def training(self) -> StageResult | None:
        """The training stage; for iteration 0 the stage that makes the base student."""
        stages = self.of("train") or self.of("student")
        return stages[0] if stages else None

    def evaluation(self, split: str) -> StageResult | None:
        """The evaluation on a split (`selection`, `test`, `shown`, `hidden`).

        None before it is done.
        """
        for stage in self.of("evaluate"):
            if stage.port(split).is_dir():
                return stage if stage.done else None
        return None

    def results(self, split: str) -> list[Result]:
        """The student's answers on a split; empty before they were evaluated."""
        stage = self.evaluation(split)
        return stage.rows(split, "results.jsonl", Result) if stage else []

    @property
    def done(self) -> bool:
        """Whether all its stages are done."""
        return all(stage.done for stage in self.stages)

    @property
    def passed(self) -> bool:
        """Whether the loop had stopped before it: its gate says so as soon as it is known."""
        for stage in self.of("gate"):
            answer = stage.record("gate", "gate.json", Stopped)
            if answer is not None and answer.stop:
                return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Run:
    """One arm under one seed.

    Attributes:
        arm: the arm.
        seed: the run's seed.
        iterations: the base student as number 0, and every turn of the loop.
        closing: the stages after the loop: selection and the sealed evaluation.
        baselines: the untaught student's answers to the sealed test under other prompts, by name.
        probes: of other test sets, by name, with 0 for what the base answered and None for others.
        each: students' answers to the sealed test for the report alone, by iteration.
        copies: stages of the noise floor, with what each is to it.
    """

    arm: str
    seed: int
    iterations: tuple[Iteration, ...]
    closing: tuple[StageResult, ...]
    baselines: Mapping[str, StageResult] = field(default_factory=dict)
    probes: Mapping[str, tuple[tuple[int | None, StageResult], ...]] = field(default_factory=dict)
    each: Mapping[int, StageResult] = field(default_factory=dict)
    copies: tuple[tuple[Copy, StageResult], ...] = ()

    def on_probe(self, name: str) -> Run:
        """The run with another test set in place of the sealed test."""
        evaluated = [(number, one) for number, one in self.probes[name] if one.kind == "evaluate"]
        base = tuple(stage for number, stage in evaluated if number == 0)
        later = tuple(stage for number, stage in evaluated if number is None)
        others = tuple(stage for stage in self.closing if stage.kind != "evaluate")
        first = Iteration(number=0, stages=base)
        return replace(
            self,
            iterations=(first, *self.iterations[1:]),
            closing=(*others, *later),
            baselines={},
            probes={},
            each={},
            copies=(),
        )

    @property
    def students(self) -> tuple[str, ...]:
        """Who answers the sealed test: base, baselines, best and last."""
        return ("base", *self.baselines, "best", "last")

    def __repr__(self) -> str:
        """One line for a notebook."""
        return f"<Run {self.arm!r}, seed {self.seed}: {_progress(self.stages)}>"

    @property
    def stages(self) -> tuple[StageResult, ...]:
        """All its stages, iteration by iteration, the closing ones last."""
        looped = [stage for turn in self.iterations for stage in turn.stages]
        probed = [stage for stages in self.probes.values() for _, stage in stages]
        copied = [stage for _, stage in self.copies]
        reported = (*self.baselines.values(), *probed, *self.each.values(), *copied)
        return (*looped, *reported, *self.closing)

    @property
    def choice(self) -> Choice | None:
        """Which iterations' students are best and last; None before selection."""
        for stage in self.closing:
            if stage.kind == "select":
                return stage.record("choice", "choice.json", Choice)
        return None

    def sealed_evaluation(self, student: str) -> StageResult | None:
        """The stage that scores `base`, `best`, `last` or a baseline on the sealed test.

        None before it is done.
        """
        if student in self.baselines:
            stage = self.baselines[student]
            return stage if stage.done else None
        if student == "base":
            return self.iterations[0].evaluation("test")
        stages = [stage for stage in self.closing if stage.kind == "evaluate"]
        return stages[0] if stages and stages[0].done else None

    def sealed(self, student: str) -> list[Result]:
        """The answers of `base`, `best`, `last` or a baseline on the sealed test.

        Empty before they are there.
        """
        stage = self.sealed_evaluation(student)
        rows = stage.rows("test", "results.jsonl", Result) if stage else []
        if self._untaught(student):
            return rows
        # Best and last are scored in one stage; a row says whose answer it is.
        iteration = self.iteration_of(student)
        return [row for row in rows if iteration is not None and row.iteration == iteration]

    def iteration_of(self, student: str | int) -> int | None:
        """The iteration of a student, 0 of base and baselines; None before selection.

        Of an iteration after a stop it is the last one that took place.
        """
        if isinstance(student, int):
            return self.standing(student).number
        if self._untaught(student):
            return 0
        choice = self.choice
        if choice is None:
            return None
        return choice.best if student == "best" else choice.last

    def _untaught(self, student: str) -> bool:
        return student == "base" or student in self.baselines

    def labelling(self, split: str) -> StageResult | None:
        """The stage that assigns the items of `selection` or `test` to skills; None without one."""
        for stage in self.closing:
            if stage.kind == "label" and stage.work == f"label the {split} split":
                return stage
        return None

    def names(self, split: str) -> Mapping[str, str] | None:
        """The skill of every item of a split, by its id, where a stage labels it.

        Empty before it has; None where the groups of the source are all that is known.
        """
        stage = self.labelling(split)
        if stage is None:
            return None
        labels = stage.record(split, "labels.json", SkillMap)
        return {} if labels is None else labels.items

    @property
    def reached(self) -> int:
        """The last iteration that took or takes place: what has stopped stays stopped."""
        for turn in self.iterations:
            if turn.passed:
                return turn.number - 1
        return len(self.iterations) - 1

    @property
    def stopped(self) -> int | None:
        """The iteration after which the loop stopped on selection; None if it did not (yet)."""
        return self.reached if self.reached < len(self.iterations) - 1 else None

    def standing(self, number: int) -> Iteration:
        """The iteration whose student stands after `number` of them.

        Once the loop has stopped, this is the last one that took place.
        """
        return self.iterations[min(number, self.reached)]

    def examples(self, iteration: int) -> int:
        """Examples taught in all iterations up to this one."""
        return sum(turn.taught for turn in self._taught(iteration))

    def asked(self, iteration: int) -> int:
        """Examples that plans asked for in all iterations up to this one."""
        return sum(turn.asked for turn in self._taught(iteration))

    def _taught(self, iteration: int) -> list[Iteration]:
        return [turn for turn in self.iterations if 1 <= turn.number <= iteration]


def _progress(stages: Sequence[StageResult]) -> str:
    return f"{sum(stage.done for stage in stages)} of {len(stages)} stages done"

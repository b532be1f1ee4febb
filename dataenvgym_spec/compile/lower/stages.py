"""Builds the stages of one arm under one run seed, one method a stage kind.

In what order is said in `loop`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from dataenvgym_spec.compile.lower.bind import (
    RESERVED,
    looked_at,
    ngram_sizes,
    reserved,
    spans_groups,
)
from dataenvgym_spec.compile.lower.reported import Reported, items_of
from dataenvgym_spec.compile.lower.stage_list import StageList
from dataenvgym_spec.compile.lower.turn import Inputs, Made, Setup, Turn
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Input
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.params import (
    GateParams,
    GenerateParams,
    Replay,
    ReserveParams,
    SelectParams,
    StudentParams,
)
from dataenvgym_spec.graph.skill_params import AssignParams, SkillsParams
from dataenvgym_spec.language.components import standard
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import shared_out

P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """The students of another run: who built it, and the base and the student of each iteration."""

    build: StageList
    students: Inputs


class Builder(Reported):
    """Builds stages."""

    def __init__(self, arm: Arm, seed: int, experiment: str, watched: Other | None = None) -> None:
        super().__init__(arm, seed, experiment)
        self.watched = watched

    # --- before the loop ------------------------------------------------------------------------

    def setup(self) -> Setup:
        """The splits, what is reserved for them, the base student and the skills."""
        splits = {role: self._data(role) for role in self.lanes}
        self.pool = splits.get("pool")
        reserve, base = self._reserve(splits), self._student()
        found = self._found(splits["feedback"])
        skills = self._skills(splits["feedback"], found)
        return Setup(splits=splits, reserve=reserve, base=base, skills=skills, found=found)

    def _data(self, role: str) -> str:
        splits = self.record.task.splits
        params = self.drawing(role, self.bind.source(role), splits.drawn()[role].draw)
        params = self.kept_apart(params, self.bind.apart(role))
        if role == "feedback":
            parts = "by-cluster" if spans_groups(params.source) else None
            params = msgspec.structs.replace(params, show=splits.feedback.show, parts=parts)
        return self.add(None, f"draw the {role} split", "data", params)

    def _reserve(self, splits: Mapping[str, str]) -> Input | None:
        """What the splits may hold that a check keeps examples clear of."""
        readers = [check for check in self.checks if check.definition.reads == "splits"]
        named = {role for check in readers for role in reserved(check, RESERVED)}
        if not named:
            return None
        sizes, seen = ngram_sizes(readers, RESERVED), looked_at(readers, RESERVED)
        lanes, sources, drawn = {}, {}, []
        for role in sorted(named):
            source = self.bind.source(role)
            laned = not source.procedural or self._of_sources(source)
            if laned:
                lanes[role], sources[role] = self.lanes[role], source
            if not laned or (source.procedural and role in (*sizes, *seen)):
                drawn.append(role)
        params = ReserveParams(
            lanes=lanes,  # type: ignore[arg-type]
            sources=sources,  # type: ignore[arg-type]
            seed=self.splits_seed,
            ngrams=sizes or None,  # type: ignore[arg-type]
            images=seen or None,  # type: ignore[arg-type]
            form=self.bind.form,
        )
        inputs = [one for role in drawn for one in items_of(role, splits[role])]
        stage = self.add(None, "reserve what splits may hold", "reserve", params, *inputs)
        return Input(slot="reserve", stage=stage, port="hashes")

    def _of_sources(self, source: Component) -> bool:
        """Whether candidates are a source's own items, of which its lanes tell where they belong.

        A question that a model wrote, or that comes from elsewhere, lies in no lane of the source.
        """
        if self.engine.procedural:
            return True
        declared = self.engine.definition
        of_pool = declared.selects and declared.reads == "pool" and self.pool is not None
        return of_pool and self.bind.source("pool") == source

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
                form=self.bind.form,
            )
            params = self.kept_apart(params, self.bind.untaught())
        stage = self.add(0, "make the base student", "student", params)
        return Input(slot="student", stage=stage, port="student")

    def _found(self, feedback: str) -> Inputs:
        """The skills that are found, if anybody reads them."""
        skills = self.record.skills
        if skills is None or not (self._plans_by_skills or skills.labelled):
            return ()
        params = SkillsParams(discover=self.bind.component("discovery", skills.discover))
        shown, hidden = items_of("feedback", feedback)
        read = (shown, hidden) if params.of_source else (shown,)
        if skills.of_pool and self.pool is not None:
            read = (Input(slot="items", stage=self.pool, port="pool"),)
        student = self.untaught_read_by(params.discover)
        stage = self.add(0, "discover skills", "skills", params, *read, *student)
        return (Input(slot="skills", stage=stage, port="skills"),)

    def _skills(self, feedback: str, found: Inputs) -> Inputs:
        """The skills with those of hidden items, for plans."""
        if self.record.skills is None or not self._plans_by_skills:
            return ()
        discovery = self.bind.component("discovery", self.record.skills.discover)
        if discovery.of_groups:
            return found
        params = AssignParams(discover=discovery)
        items = items_of("feedback", feedback)
        student = self.untaught_read_by(discovery)
        stage = self.add(0, "assign skills", "assign", params, *found, *items, *student)
        return (Input(slot="skills", stage=stage, port="skills"),)

    @property
    def _plans_by_skills(self) -> bool:
        return self.planning.works_in.definition.reads == "skills"

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
            stage = self.add(number, "go on or stop", "gate", params, *turn.scores)
            gate = (Input(slot="gate", stage=stage, port="gate"),)
        return replace(turn, number=number, gate=gate, latest=())

    def evaluate(self, turn: Turn, split: str, data: str) -> Input:
        """The latest student's answers to a split."""
        return self.evaluate_by(turn.number, turn, data, (split,))

    def observe(self, turn: Turn, setup: Setup) -> Inputs:
        """What the agent sees of the student that it watches.

        Nothing is evaluated that nobody may look at. The evaluation stands in the iteration whose
        student it is of, and under the gate of the plan that alone reads it.
        """
        if self.stale:
            return self.stale
        seen = (*self._on_feedback(turn, setup), *self._on_pool(turn, setup))
        if self.record.agent.watches_base:
            self.stale = seen
        return seen

    def _on_feedback(self, turn: Turn, setup: Setup) -> Inputs:
        splits: tuple[str, ...] = ()
        if self.record.agent.sees("errors"):
            splits += ("shown",)
        if self.record.agent.sees("scores"):
            splits += ("hidden",)
        if not splits:
            return ()
        who, watched = self._watching(turn, setup)
        data = setup.splits["feedback"]
        stage = self.evaluate_by(turn.number - 1, watched, data, splits, of=who).stage
        return tuple(Input(slot="results", stage=stage, port=split) for split in splits)

    def _on_pool(self, turn: Turn, setup: Setup) -> Inputs:
        """The student's answers to the pool, if the policy chooses from it by them."""
        reads = {part.definition.reads for part in self.planning.policy.walk()}
        blind = self.record.agent.observe == "nothing"
        if "pool-results" not in reads or blind or self.pool is None:
            return ()
        who, watched = self._watching(turn, setup)
        answers = self.evaluate_by(turn.number - 1, watched, self.pool, ("pool",), of=who)
        return (replace(answers, slot="answers"),)

    def _watching(self, turn: Turn, setup: Setup) -> tuple[StageList, Turn]:
        """The turn as the agent sees it, with the student that it watches, and who built that."""
        if self.watched is not None:
            student = self.watched.students[turn.number - 1]
            return self.watched.build, replace(turn, student=student)
        if self.record.agent.watches_base:
            turn = replace(turn, student=setup.base)
        return self, turn

    def plan(self, turn: Turn, setup: Setup, seen: Inputs, amount: int) -> Input:
        """What the agent decides, of so many examples."""
        who, watched = self._watching(turn, setup)
        read = self.read_by(who, watched, self.planning.policy, self.planning.works_in)
        shown: Inputs = ()
        if self.planning.images:
            shown = (Input(slot="items", stage=setup.splits["feedback"], port="shown"),)
        inputs = (*turn.state, *seen, *shown, *setup.skills, *read)
        params = self.planning_in(turn.agent_round, amount)
        what = f"plan{turn.later}"
        stage = self.add(turn.number, what, "plan", params, *inputs, gate=turn.gate)
        return Input(slot="plan", stage=stage, port="plan")

    def rounds(self, turn: Turn, setup: Setup, plan: Input) -> Made:
        """Generates and checks; what is missing after a round is requested again in the next."""
        accepted: Inputs = ()
        given: Inputs = ()
        reserve = (setup.reserve,) if setup.reserve is not None else ()
        who, turn = self._watching(turn, setup)
        for attempt in range(self.record.loop.teach.refill + 1):
            again = turn.later + (f", refill {attempt}" if attempt else "")
            before = (*turn.accepted, *accepted)
            recalled = before if self.engine.definition.recalls else ()
            candidates = self._generate(who, turn, attempt, again, (plan, *given, *recalled))
            answers = self._answers(who, turn, again, candidates)
            # What a check itself reads of a student is in `answers`.
            parts = [part for check in self.checks for part in check.parts.values()]
            read = self.read_by(who, turn, *parts)
            inputs = (candidates, plan, *given, *before, *reserve, *answers, *read)
            stage = self.add(
                turn.number, f"check{again}", "check", self.judging, *inputs, gate=turn.gate
            )
            accepted += (Input(slot="accepted", stage=stage, port="accepted"),)
            given = (Input(slot="yield", stage=stage, port="yield"),)
        return Made(accepted=accepted, given=given[0])

    def _generate(
        self, who: StageList, turn: Turn, attempt: int, again: str, inputs: Inputs
    ) -> Input:
        params = GenerateParams(
            observe=self.record.agent.observed,
            engine=self.engine,
            iteration=turn.number,
            round=attempt,
            seed=self.seed,
            agent_round=turn.agent_round if turn.later else None,
            score=self.score if self.engine.definition.judges else None,
            form=self.bind.form,
        )
        read = self.read_by(who, turn, self.engine)
        stage = self.add(
            turn.number, f"generate{again}", "generate", params, *inputs, *read, gate=turn.gate
        )
        return Input(slot="candidates", stage=stage, port="candidates")

    def _answers(self, who: StageList, turn: Turn, again: str, candidates: Input) -> Inputs:
        """How the student does on the candidates of a round, if a check wants to know."""
        if all(check.definition.reads != "student" for check in self.checks):
            return ()
        params = who.evaluation(("candidates",))
        inputs = (*who.students(turn.student), candidates, *who.shots())
        what = f"evaluate on candidates{again}"
        stage = self.add(turn.number, what, "evaluate", params, *inputs, gate=turn.gate)
        return (Input(slot="answers", stage=stage, port="candidates"),)

    def after(self, turn: Turn, plan: Input, made: Made) -> Turn:
        """The turn with what the agent remembers, and the examples that it got."""
        state: Inputs = (Input(slot="state", stage=plan.stage, port="state"),)
        if self.record.agent.sees("yield"):
            state += (made.given,)
        return replace(
            turn,
            state=state,
            latest=(*turn.latest, *made.accepted),
            idle=self.idles,
            accepted=(*turn.accepted, *made.accepted),
        )

    def train(self, turn: Turn, setup: Setup) -> Turn:
        """The turn with its student."""
        loop = self.record.loop
        earlier = turn.accepted[: len(turn.accepted) - len(turn.latest)]
        replays = loop.replayed is not None and bool(earlier)
        only_latest = loop.train_on == "latest" and not replays
        taught = turn.latest if only_latest else turn.accepted
        goes_on = loop.start_from == "previous" and turn.number > 1
        may_stay = turn.idle and turn.number > 1
        previous: Inputs = ()
        if turn.gate or goes_on or may_stay:
            previous = (Input(slot="previous", stage=turn.student.stage, port="student"),)
        params = self.going_on if goes_on else self.training
        if may_stay:
            params = msgspec.structs.replace(params, latest=len(turn.latest))
        if loop.replayed is not None and replays:
            replay = Replay(fraction=loop.replayed, latest=len(turn.latest))
            params = msgspec.structs.replace(params, replay=replay)
        base = Input(slot="base", stage=setup.base.stage, port="student")
        inputs = (base, *taught, *previous, *self.shots())
        stage = self.add(turn.number, "train", "train", params, *inputs, gate=turn.gate)
        return replace(turn, student=Input(slot="student", stage=stage, port="student"))

    # --- after the loop -------------------------------------------------------------------------

    def select(self, turn: Turn) -> Input:
        """Which student is best, and which is last."""
        params = SelectParams.of(self.record.select)
        stage = self.add(None, "select", "select", params, *turn.scores)
        return Input(slot="choice", stage=stage, port="choice")

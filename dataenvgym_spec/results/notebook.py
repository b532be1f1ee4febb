"""What an experiment has produced as typed tables.

The face of the package for programs and notebooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataenvgym_spec.core.errors import UserError, suggest
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.examples import Example, Rejected
from dataenvgym_spec.results.evidence.scores import accuracy, share, shares_by_skill
from dataenvgym_spec.results.evidence.together import together
from dataenvgym_spec.results.experiment import Results, open_results
from dataenvgym_spec.results.ledger import cost_of
from dataenvgym_spec.results.noise import answers as noise_answers
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.tables import (
    ExampleRow,
    ItemRow,
    LedgerRow,
    NoiseRow,
    PlanRow,
    ScoreRow,
    SkillRow,
    StudentRow,
    Table,
    TogetherRow,
)

SplitName = Literal["selection", "test", "shown", "hidden"]
SPLITS: tuple[SplitName, ...] = ("selection", "test", "shown", "hidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentAnswers:
    """One student's answers to one split."""

    run: Run
    iteration: int
    student: str
    split: str
    rows: Sequence[Result]


@dataclass(frozen=True, kw_only=True, repr=False)
class Notebook(Results):
    """An experiment as typed tables.

    What has not been produced yet has no rows, so that a running experiment can be read too.
    """

    def scores(self) -> Table[ScoreRow]:
        """Every student on selection, and base, best and last on the sealed test."""
        answers = [*self._answers("selection"), *self._answers("test")]
        return Table(ScoreRow, tuple(_score(found) for found in answers))

    def items(self, split: SplitName) -> Table[ItemRow]:
        """Every answer of every student to a split.

        Args:
            split: `selection`; `test`, of base, best and last; or `shown` or `hidden`, the parts of
                feedback, as far as an agent observes them.

        Raises:
            UserError: there is no such split.
        """
        _require_split(split)
        rows = [row for answers in self._answers(split) for row in _items(answers)]
        return Table(ItemRow, tuple(rows))

    def together(self, split: SplitName) -> Table[TogetherRow]:
        """The answers of every student to a split, where several count together.

        Args:
            split: see `items`.

        Raises:
            UserError: there is no such split.
        """
        _require_split(split)
        rows = [row for answers in self._answers(split) for row in _together(answers)]
        return Table(TogetherRow, tuple(rows))

    def examples(self, iteration: int | None = None) -> Table[ExampleRow]:
        """The examples that were accepted and rejected, with where they come from.

        Args:
            iteration: of the loop, from 1 on; left out, all of them.
        """
        rows: list[ExampleRow] = []
        for run, turn in self._turns():
            if iteration in (None, turn.number):
                judged = [*turn.accepted, *turn.rejected]
                rows += [_example(run, turn, example) for example in judged]
        return Table(ExampleRow, tuple(rows))

    def plans(self) -> Table[PlanRow]:
        """What every agent asked for in every iteration, by skill."""
        rows: list[PlanRow] = []
        for run, turn in self._turns():
            for part in turn.rounds:
                rows += _plan(run, part)
        return Table(PlanRow, tuple(rows))

    def noise(self) -> Table[NoiseRow]:
        """The student that the noise floor copies, and its copies as far as they are there."""
        return Table(NoiseRow, tuple(_noise(self)))

    def skills(self) -> Table[SkillRow]:
        """Every student on the selection items of every group."""
        rows = [row for answers in self._answers("selection") for row in _groups(answers)]
        return Table(SkillRow, tuple(rows))

    def ledger(self) -> Table[LedgerRow]:
        """What every stage took that is done."""
        rows = []
        prices = read_prices(self.layout.root)
        for stage in self.stages:
            log = stage.log
            if log is None:
                continue
            cost = cost_of(stage.kind, log, prices)
            arms = dict.fromkeys(use.arm for use in stage.uses)
            row = LedgerRow(
                stage=stage.path.name,
                kind=stage.kind,
                label=stage.label(),
                arms=" ".join(arms),
                started=log.started,
                seconds=cost.seconds,
                prompt_tokens=cost.tokens["prompt"],
                generated_tokens=cost.tokens["generated"],
                trained_tokens=cost.tokens["trained"],
                requests=cost.requests,
                reused=cost.reused,
                images=cost.images,
                usd=cost.usd,
                examples=cost.examples,
                device=log.device or "",
                passed=bool(log.passed),
            )
            rows.append(row)
        return Table(LedgerRow, tuple(rows))

    def students(self) -> Table[StudentRow]:
        """The folders of all students; iteration 0 is the base."""
        rows = [row for run in self.runs for row in _students(run)]
        return Table(StudentRow, tuple(rows))

    def folder(self, student: StudentRow) -> Path:
        """The folder from which a student loads.

        It is the row's own, but for a base student from the hub or from a folder, which the store
        only refers to: that one is found, and fetched from the hub if it is not here.

        Raises:
            StageError: it cannot be had, or is another than it was.
            MissingExtra: a package that fetches it is not installed.
        """
        # Whoever reads tables alone does not need it.
        from dataenvgym_spec.store.outside import Students

        return Students(self.layout).folder(student.path)

    def _turns(self) -> Iterator[tuple[Run, Iteration]]:
        """The iterations of the loop that took place, run by run."""
        for run in self.runs:
            for turn in run.iterations[1 : 1 + run.reached]:
                yield run, turn

    def _answers(self, split: str) -> Iterator[StudentAnswers]:
        """The answers to a split, of every student that gave any."""
        for run in self.runs:
            found = _sealed(run) if split == "test" else _open(run, split)
            yield from (answers for answers in found if answers.rows)


def load(name: str, root: Path | None = None) -> Notebook:
    """Opens a compiled experiment.

    Args:
        name: the experiment.
        root: the repository (default: found from the working directory).

    Raises:
        UserError: it was never compiled here, or its index is damaged.
    """
    return open_results(Notebook, name, root)


def _require_split(split: str) -> None:
    if split not in SPLITS:
        raise UserError(f"there is no split '{split}'", help=suggest(split, SPLITS))


def _open(run: Run, split: str) -> Iterator[StudentAnswers]:
    for turn in run.iterations[: 1 + run.reached]:
        rows = turn.results(split)
        yield StudentAnswers(run=run, iteration=turn.number, student="", split=split, rows=rows)


def _sealed(run: Run) -> Iterator[StudentAnswers]:
    for student in run.students:
        number = run.iteration_of(student)
        if number is not None:
            rows = run.sealed(student)
            yield StudentAnswers(
                run=run, iteration=number, student=student, split="test", rows=rows
            )


def _score(answers: StudentAnswers) -> ScoreRow:
    rows = answers.rows
    estimate = accuracy(rows)
    return ScoreRow(
        arm=answers.run.arm,
        seed=answers.run.seed,
        iteration=answers.iteration,
        student=answers.student,
        split=answers.split,
        items=len(rows),
        correct=share(rows).right,
        accuracy=estimate.value,
        low=estimate.low,
        high=estimate.high,
        unparseable=sum(row.unparseable for row in rows),
        truncated=sum(row.truncated for row in rows),
    )


def _together(answers: StudentAnswers) -> Iterator[TogetherRow]:
    for way, (sets, estimate) in together(answers.rows).items():
        yield TogetherRow(
            arm=answers.run.arm,
            seed=answers.run.seed,
            iteration=answers.iteration,
            student=answers.student,
            split=answers.split,
            by=way,
            sets=sets,
            accuracy=estimate.value,
            low=estimate.low,
            high=estimate.high,
        )


def _items(answers: StudentAnswers) -> Iterator[ItemRow]:
    for row in answers.rows:
        yield ItemRow(
            arm=answers.run.arm,
            seed=answers.run.seed,
            iteration=answers.iteration,
            student=answers.student,
            split=answers.split,
            id=row.id,
            group=row.group,
            input=row.input,
            target=row.target,
            prediction=row.prediction,
            score=row.score,
            correct=row.correct,
            unparseable=row.unparseable,
            truncated=row.truncated,
            cluster=row.unit,
        )


def _example(run: Run, turn: Iteration, example: Example) -> ExampleRow:
    rejected = example if isinstance(example, Rejected) else None
    origin = example.provenance
    return ExampleRow(
        arm=run.arm,
        seed=run.seed,
        iteration=turn.number,
        round=origin.round if origin else 0,
        skill=example.skill,
        id=example.id,
        input=example.input,
        target=example.target,
        accepted=rejected is None,
        check=rejected.check if rejected else "",
        reason=rejected.reason if rejected else "",
        teacher=origin.teacher if origin else "",
        plan=origin.plan if origin else "",
        agent_round=(origin.agent_round if origin else None) or 1,
    )


def _plan(run: Run, turn: Iteration) -> Iterator[PlanRow]:
    plan = turn.plan
    if plan is None:
        return
    tally = turn.tally
    for skill, asked in plan.allocation.items():
        yield PlanRow(
            arm=run.arm,
            seed=run.seed,
            iteration=turn.number,
            skill=skill,
            asked=asked,
            accepted=tally.get(skill, {}).get("accepted", 0),
            score_seen=(plan.scores or {}).get(skill),
            reason=plan.reasons.get(skill, ""),
            agent_round=plan.agent_round or 1,
        )


def _noise(results: Results) -> Iterator[NoiseRow]:
    copies, own = results.index.noise, None
    for copy, rows in noise_answers(results):
        assert copies is not None
        counts = share(rows)
        own = counts.value if own is None else own
        yield NoiseRow(
            arm=copies.arm,
            seed=copies.seed,
            iteration=copies.iteration,
            split=copies.split,
            copy_of=copy.of,
            number=copy.number,
            items=counts.items,
            correct=counts.right,
            accuracy=counts.value,
            difference=counts.value - own,
        )


def _groups(answers: StudentAnswers) -> Iterator[SkillRow]:
    for group, counts in sorted(shares_by_skill(answers.rows).items()):
        yield SkillRow(
            arm=answers.run.arm,
            seed=answers.run.seed,
            iteration=answers.iteration,
            group=group,
            items=counts.items,
            correct=counts.right,
            accuracy=counts.value,
        )


def _students(run: Run) -> Iterator[StudentRow]:
    choice = run.choice
    for turn in run.iterations[: 1 + run.reached]:
        stage = turn.training
        if stage is None or not stage.done:
            continue
        path = stage.port("student")
        yield StudentRow(
            arm=run.arm,
            seed=run.seed,
            iteration=turn.number,
            path=path,
            adapter=(path / "adapter_config.json").is_file(),
            best=choice is not None and choice.best == turn.number,
            last=choice is not None and choice.last == turn.number,
        )

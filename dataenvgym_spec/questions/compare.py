"""Students of arms, experiments and revisions side by side, and all in which these differ.

Paired statistics are made only of equal test items and equal run seeds, and a difference is called
one of arms only where versions (of packages, and of components that both use) and machines are
equal; otherwise it is said why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from dataenvgym_spec.questions.sides import Side
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.results.evidence.amounts import Amounts, amounts_of
from dataenvgym_spec.results.evidence.answers import Sides, answers_of
from dataenvgym_spec.results.evidence.choosing import chosen_by
from dataenvgym_spec.results.evidence.contrasts import Weighed, weigh
from dataenvgym_spec.results.evidence.correction import holm
from dataenvgym_spec.results.evidence.floor import Floor
from dataenvgym_spec.results.evidence.scores import Outcome, outcome_of, summary
from dataenvgym_spec.results.evidence.statistics import Estimate, Paired
from dataenvgym_spec.results.noise import beside, drawing, noise_floor
from dataenvgym_spec.results.parity import Parity, parity_of
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.settings import different
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.results.stamps import STAMPED, facts_of

Topic = Literal["setting", "file", "component", "version", "machine"]
Split = Literal["test", "selection"]
ENVIRONMENT: Final[tuple[Topic, ...]] = ("component", "version", "machine")
"""What no arm is about: a difference across these is not one of arms."""
Student = Literal["base", "best", "last"]
STUDENTS: Final[tuple[Student, ...]] = ("base", "best", "last")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One key in which two sides differ.

    Attributes:
        topic: where it stands: in the spec, on disk, in a component, or in what ran it.
        name: its path in the spec, its file, or its fact.
        first: its values on the first side; empty where that has none.
        second: on the second.
        kinds: of the stages that it was found at, for what ran them.
    """

    topic: Topic
    name: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    kinds: tuple[str, ...] = ()

    @property
    def ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Both sides' values."""
        return self.first, self.second


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasted:
    """The second of two sides less the first, and all in which they differ.

    Attributes:
        weighed: the difference of one student of each and its test, as of a declared contrast;
            None where it was refused.
        refused: why there are no paired statistics; empty where there are.
        differences: all keys in which the sides differ.
        floor: the noise floor of either experiment, the wider one; None where neither asks for it.
        amounts: what the two students were taught; None of untaught ones, and where it was refused.
        parity: how they were asked; None where that is not known, and where it was refused.
        adjusted: Holm's p value among all that are shown together; None before it is known, and
            where it was refused.
        family: how many those are.
        shared: how many stages both have.
        stages: how many the first and the second have.
    """

    first: Side
    second: Side
    student: Student
    split: Split
    weighed: Weighed | None
    refused: str
    differences: tuple[Difference, ...]
    floor: Floor | None
    shared: int
    stages: tuple[int, int]
    amounts: Amounts | None = None
    parity: Parity | None = None
    adjusted: float | None = None
    family: int = 1

    @property
    def difference(self) -> Estimate | None:
        """The difference with its interval; None where it was refused."""
        return None if self.weighed is None else self.weighed.difference

    @property
    def runs(self) -> tuple[tuple[int, Paired], ...]:
        """Each pair of runs, by seed; none where it was refused."""
        return () if self.weighed is None else self.weighed.runs

    @property
    def chosen(self) -> bool:
        """Whether a student of either side was chosen by its score on these items."""
        sides = (self.first, self.second)
        return chosen_by(self.split, [(one.results, one.arm, self.student) for one in sides])

    @property
    def question(self) -> Question:
        """The comparison as a spec would declare it of one experiment."""
        return _question(self.first, self.second, self.student, self.split)

    @property
    def environment(self) -> tuple[Difference, ...]:
        """The differences for which this is no comparison of arms."""
        return tuple(one for one in self.differences if one.topic in ENVIRONMENT)


def scores(side: Side, split: Split) -> tuple[Outcome, ...]:
    """Base, best and last student of an arm on a split, means over runs; as far as they are done.

    Last is left out where it is the best in each run.
    """
    rows = []
    for student in STUDENTS:
        found = [_outcome(run, student, split) for run in side.runs]
        done = [one for one in found if one is not None]
        if done and not (student == "last" and _is_best(side.runs)):
            rows.append(summary(done))
    return tuple(rows)


def _is_best(runs: Iterable[Run]) -> bool:
    return all(run.iteration_of("best") == run.iteration_of("last") for run in runs)


def _outcome(run: Run, student: Student, split: Split) -> Outcome | None:
    iteration = run.iteration_of(student)
    if iteration is None:
        return None
    return outcome_of(run, student, iteration, _answers(run, student, split))


def _answers(run: Run, student: Student, split: Split) -> Sequence[Result]:
    if split == "test":
        return run.sealed(student)
    iteration = run.iteration_of(student)
    return [] if iteration is None else run.standing(iteration).results(split)


def _asked(run: Run, student: Student, split: Split) -> tuple[str, int | None]:
    """The key of the stage in which a student answered, and which of its students it is."""
    iteration = run.iteration_of(student)
    if split == "test":
        stage = run.sealed_evaluation(student)
    else:
        stage = None if iteration is None else run.standing(iteration).evaluation(split)
    return stage.key if stage is not None else "", iteration


def contrast(first: Side, second: Side, student: Student, split: Split) -> Contrasted:
    """Compares a student of two sides.

    Args:
        first: what it is compared with.
        second: what is asked about.
        student: `base`, `best` or `last`, of both.
        split: whose items they answered.
    """
    refused, answers = _paired_runs(first, second, student, split)
    weighed = None if refused else weigh(answers)
    keys = [{stage.key for stage in _stages(side)} for side in (first, second)]
    asked = _question(first, second, student, split)
    one = Contrasted(
        first=first,
        second=second,
        student=student,
        split=split,
        weighed=weighed,
        refused=refused,
        differences=tuple(_differences(first, second)),
        floor=_floor(first, second, asked, weighed),
        shared=len(keys[0] & keys[1]),
        stages=(len(keys[0]), len(keys[1])),
    )
    if refused:
        return one
    runs = [(_of_seed(second, seed), _of_seed(first, seed)) for seed in answers]
    inputs = (second.results.index.inputs, first.results.index.inputs)
    return replace(
        one,
        amounts=amounts_of(asked, runs, (second.label, first.label)),
        parity=parity_of(asked, runs, inputs),
    )


def corrected(contrasts: Sequence[Contrasted]) -> tuple[Contrasted, ...]:
    """Comparisons that are shown together, each with its p value corrected for all of them."""
    tests = [one.weighed.p for one in contrasts if one.weighed is not None]
    adjusted = iter(holm(tests, len(tests)))
    found = []
    for one in contrasts:
        if one.weighed is None:
            found.append(one)
        else:
            found.append(replace(one, adjusted=next(adjusted), family=len(tests)))
    return tuple(found)


def _question(first: Side, second: Side, student: Student, split: Split) -> Question:
    # Two experiments may call different arms by one name.
    return Question(arm=second.label, against=first.label, student=student, split=split)


def _of_seed(side: Side, seed: int) -> Run:
    return next(run for run in side.runs if run.seed == seed)


def _floor(first: Side, second: Side, asked: Question, weighed: Weighed | None) -> Floor | None:
    """What is known of chance: of two experiments, the one in which it does more."""
    sides = (first, second)
    drawings = {side.label: drawing(side.results.settings[side.arm]) for side in sides}
    floors = [noise_floor(side.results) for side in sides]
    # The students are those of both experiments, and one may draw its answers.
    found = [replace(floor, drawings=drawings) for floor in floors if floor is not None]
    return max(found, key=lambda floor: beside(floor, asked, weighed) or 0.0, default=None)


def _paired_runs(
    first: Side, second: Side, student: Student, split: Split
) -> tuple[str, dict[int, Sides]]:
    """Why two sides cannot be paired, or the answers of their runs in pairs, by seed."""
    seeds = [{run.seed: run for run in side.runs} for side in (first, second)]
    common = sorted(seeds[0].keys() & seeds[1].keys())
    if not common:
        names = [", ".join(map(str, sorted(mine))) for mine in seeds]
        return f"no run seed is in both: {names[0]} and {names[1]}", {}
    pairs, one = {}, True
    for seed in common:
        rows = [_answers(mine[seed], student, split) for mine in seeds]
        for side, answers in zip((first, second), rows, strict=True):
            if not answers:
                return f"{side.label} has no results of run seed {seed} on {split} yet", {}
        unequal = _unequal(*rows)
        if unequal:
            return unequal, {}
        keys = {_asked(mine[seed], student, split) for mine in seeds}
        # A revision can have had another result under the same key.
        one = one and len(keys) == 1 and rows[0] == rows[1]
        pairs[seed] = Sides(first=answers_of(rows[1]), second=answers_of(rows[0]))
    if one:
        return f"{student} of both is one student, with the same answers", {}
    return "", pairs


def _unequal(first: Sequence[Result], second: Sequence[Result]) -> str:
    """By how much the items of two students differ; empty where they are equal."""
    items = [{row.id: (row.input, row.target) for row in rows} for rows in (first, second)]
    common = sum(items[1].get(id) == asked for id, asked in items[0].items())
    alone = [len(mine) - common for mine in items]
    if not any(alone):
        return ""
    return f"the items differ: {common:,} in both, {alone[0]:,} and {alone[1]:,} in one alone"


# --- all in which they differ ---------------------------------------------------------------------


def _differences(first: Side, second: Side) -> Iterator[Difference]:
    resolved = (side.results.settings[side.arm] for side in (first, second))
    for setting in different(*resolved):
        ends = [(value,) for value in setting.values]
        yield Difference(topic="setting", name=setting.path, first=ends[0], second=ends[1])
    contents = [tuple(_contents(side)) for side in (first, second)]
    files = [_files(mine) for mine in contents]
    yield from _values("file", files[0], files[1])
    components = [_components(mine) for mine in contents]
    # A component that one side alone uses is a setting already.
    both = components[0].keys() & components[1].keys()
    used = [{name: mine[name] for name in both} for mine in components]
    yield from _values("component", used[0], used[1])
    yield from _circumstances(first, second)


def _values(
    topic: Topic, first: Mapping[str, str], second: Mapping[str, str]
) -> Iterator[Difference]:
    for name in sorted({**first, **second}):
        left, right = (tuple(filter(None, [side.get(name)])) for side in (first, second))
        if left != right:
            yield Difference(topic=topic, name=name, first=left, second=right)


def _contents(side: Side) -> Iterator[dict[str, Any]]:
    """The `stage.json` of each stage, as far as it is there."""
    for stage in dict.fromkeys(stage.path for stage in _stages(side)):
        path = stage / "stage.json"
        if path.is_file():
            content = read_json(path)
            if isinstance(content, dict):
                yield content


def _files(contents: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The digests of the files that stages read, by what they call them."""
    files: dict[str, str] = {}
    for content in contents:
        files |= {str(name): str(digest) for digest, name in content.get("files", {}).items()}
    return files


def _components(contents: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The versions of what stages are made of: their kinds, and components by where they stand."""
    versions: dict[str, set[str]] = {}
    for content in contents:
        kind = str(content.get("kind"))
        versions.setdefault(kind, set()).add(str(content.get("semantics")))
        for name, version in _semantics(content.get("params"), kind):
            versions.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(values)) for name, values in versions.items()}


def _semantics(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _semantics(item, place)
    elif isinstance(value, dict):
        if "semantics" in value and "kind" in value:
            yield f"{place}: {value['kind']}", str(value["semantics"])
        for name, item in value.items():
            yield from _semantics(item, f"{place}.{name}")


def _circumstances(first: Side, second: Side) -> Iterator[Difference]:
    """What differs in that which ran the stages that the two do not share.

    A stage that both have, with one result, cannot make them different, wherever it ran.
    """
    ran = [_ran(side) for side in (first, second)]
    shared = {key for key, mine in ran[0].items() if ran[1].get(key) == mine}
    sides = [_by_fact(mine for key, mine in side.items() if key not in shared) for side in ran]
    alike: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for kind, name in sorted({**sides[0], **sides[1]}):
        left, right = (tuple(sorted(side.get((kind, name), ()))) for side in sides)
        if len({*left, *right}) > 1:
            alike.setdefault((name, left, right), []).append(kind)
    for (name, left, right), kinds in alike.items():
        topic: Topic = "machine" if name in STAMPED and name != "python" else "version"
        yield Difference(topic=topic, name=name, first=left, second=right, kinds=tuple(kinds))


Ran = tuple[str, tuple[tuple[str, str], ...]]
"""The kind of a stage, and what its log says of versions and machine."""


def _ran(side: Side) -> dict[str, Ran]:
    found = {}
    for stage in _stages(side):
        log = stage.log
        if log is not None and not log.passed:
            found[stage.key] = (stage.kind, facts_of(log))
    return found


def _stages(side: Side) -> Iterator[StageResult]:
    """The stages that made the students of a side, and their scores: no copies for noise."""
    for run in side.runs:
        copied = {stage.key for _, stage in run.copies}
        yield from (stage for stage in run.stages if stage.key not in copied)


def _by_fact(stages: Iterable[Ran]) -> dict[tuple[str, str], set[str]]:
    values: dict[tuple[str, str], set[str]] = {}
    for kind, facts in stages:
        for name, value in facts:
            values.setdefault((kind, name), set()).add(value)
    return values

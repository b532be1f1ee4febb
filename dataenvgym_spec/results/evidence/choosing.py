"""By how much the score of the best student is too high on the items that chose it.

The largest of some estimates is too large on average. How much is found by drawing the items again:
each time the students get the scores that the drawn items give, one of them is chosen, and its
score is compared with its true one (the bias of an apparent error: Efron 1983, JASA 78, 316-331;
for a choice: Tibshirani and Tibshirani 2009, Annals of Applied Statistics 3, 822-829). Scores of
students lie farther apart than the students do, so the true ones are first drawn together by as
much as the noise of the items explains (Efron and Morris 1975, JASA 70, 311-319). Students are
compared on equal items, and clusters are drawn as a whole, so that what they have in common counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.experiment import Student
from dataenvgym_spec.results.evidence.answers import Answers, answers_of
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.settings import at

DRAWS: Final = 1000
"""How often the items are drawn again: the mean is then known to about a hundredth of a point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """The choice of the best student of a run.

    Attributes:
        iteration: whose student was chosen.
        students: out of how many.
        items: by how many items.
        score: its accuracy on them.
        optimism: by how much that is too high, about; a share, as the score.
    """

    arm: str
    seed: int
    iteration: int
    students: int
    items: int
    score: float
    optimism: float


def chooses(results: Results, arm: str) -> bool:
    """Whether the best student of an arm is chosen by its score: one of several, and not the last.

    Args:
        results: the experiment.
        arm: of it.
    """
    by = at(results.settings[arm], "select.by")
    return results.index.iterations[arm] > 1 and by != "last"


def chosen_by(split: str, students: Iterable[tuple[Results, str, Student | str]]) -> bool:
    """Whether one of some students was chosen by its score on the items of a split.

    Args:
        split: whose items they answered.
        students: each with its experiment and arm.
    """
    best = [(results, arm) for results, arm, student in students if student == "best"]
    return split == "selection" and any(chooses(results, arm) for results, arm in best)


def choices(results: Results) -> tuple[Choosing, ...]:
    """The choice in every run that has made one by score, of at least two students."""
    found = [choice_in(results, run) for run in results.runs]
    return tuple(choice for choice in found if choice is not None)


def choice_in(results: Results, run: Run) -> Choosing | None:
    """The choice of one run; None before it, or where there was nothing to choose from."""
    choice = run.choice
    if choice is None or len(choice.accuracy) < 2 or not chooses(results, run.arm):
        return None
    numbers = range(1, 1 + len(choice.accuracy))
    turns = (run.iterations[number] for number in numbers)
    students = [answers_of(turn.results("selection")) for turn in turns]
    shared = set.intersection(*(set(one.right) for one in students))
    if not shared:
        return None
    best = students[choice.best - 1].right
    return Choosing(
        arm=run.arm,
        seed=run.seed,
        iteration=choice.best,
        students=len(students),
        items=len(shared),
        score=sum(best[item] for item in shared) / len(shared),
        optimism=optimism([one.right for one in students], clusters_of(students)),
    )


def clusters_of(students: Sequence[Answers]) -> dict[str, str]:
    """The cluster of every item."""
    clusters: dict[str, str] = {}
    for one in students:
        clusters |= one.clusters
    return clusters


def optimism(students: Sequence[Mapping[str, bool]], clusters: Mapping[str, str]) -> float:
    """By how much the score of the best of some students is too high on average, about.

    Args:
        students: whether each answer is right, by item; of equal students the first is chosen.
        clusters: the cluster of an item; one that is not named stands alone.
    """
    # Reports have it by way of matplotlib; what only reads results does not wait for it.
    import numpy as np

    shared = sorted(set.intersection(*(set(one) for one in students)))
    units = {unit: n for n, unit in enumerate(sorted({clusters.get(i, i) for i in shared}))}
    right = np.zeros((len(units), len(students)))
    sizes = np.zeros(len(units))
    for item in shared:
        unit = units[clusters.get(item, item)]
        sizes[unit] += 1
        right[unit] += [one[item] for one in students]
    scores = right.sum(axis=0) / sizes.sum()
    drawn = np.random.default_rng(0).multinomial(
        len(units), np.full(len(units), 1 / len(units)), size=DRAWS
    )
    # What drawing the items again does to each student's score.
    noise = (drawn @ right) / (drawn @ sizes)[:, None] - scores
    # On average it does nothing; what is left of that is chance of the draws.
    noise -= noise.mean(axis=0)
    apart = scores - scores.mean()
    explained = float((noise - noise.mean(axis=1, keepdims=True)).var(axis=0).sum())
    spread = float((apart * apart).sum())
    kept = max(0.0, 1 - explained / spread) if spread > 0 else 0.0
    true = scores.mean() + kept * apart
    chosen = (true + noise).argmax(axis=1)
    return float(noise[np.arange(DRAWS), chosen].mean())

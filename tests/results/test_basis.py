"""What power rests on: copies say less of two arms than answers do, and never make a design look better."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import pytest

from dataenvgym_spec.questions.power import Counts
from dataenvgym_spec.results.evidence.answers import Answers, Sides
from dataenvgym_spec.results.evidence.basis import DISCORDANCE, Basis, Measured, basis
from dataenvgym_spec.results.evidence.contrasts import weigh
from dataenvgym_spec.results.evidence.floor import Floor, Spread
from dataenvgym_spec.results.evidence.power import Design, detectable


@dataclass(frozen=True, kw_only=True)
class World:
    """Two arms as they are: what each teaches for good, and what every training moves.

    Attributes:
        sizes: of the clusters, whose items all arms treat alike.
        apart: the part of clusters on which the two arms differ for good, one way or the other.
        moved: the part of answers that a training changes, of one student that is taught again.
        shift: how far a training moves all of a student's score, in points of accuracy as a share.
        agent: how far what the agent draws moves it, too; copies are taught on the same examples.
    """

    sizes: tuple[int, ...]
    apart: float
    moved: float = 0.06
    shift: float = 0.0
    agent: float = 0.0

    @property
    def clusters(self) -> dict[str, str]:
        """The cluster of each item."""
        pairs = [(f"{n}-{m}", f"c{n}") for n, size in enumerate(self.sizes) for m in range(size)]
        return dict(pairs)

    def student(
        self, good: Mapping[str, bool], rng: random.Random, *, agent: bool = True
    ) -> Answers:
        """A student of an arm that is right where `good` says, but for what chance moves."""
        flip = (1 - sqrt(1 - 2 * self.moved)) / 2
        tilt = rng.gauss(0.0, self.shift) + (rng.gauss(0.0, self.agent) if agent else 0.0)
        right = {}
        for item, cluster in self.clusters.items():
            mark = good[cluster] is not (rng.random() < flip)
            # Half of the answers are right, so that twice as many have to be drawn.
            right[item] = tilt > 0 if rng.random() < 2 * abs(tilt) else mark
        return Answers(right=right, clusters=self.clusters)

    def arms(self, difference: float, rng: random.Random) -> list[dict[str, bool]]:
        """What two arms teach, of which the first is better by a difference."""
        # What trainings move brings arms together, and the difference is that of their students.
        kept = sqrt(1 - 2 * self.moved)
        first, second = {}, {}
        # In an order of their own: that of a set is another in every process.
        for cluster in dict.fromkeys(self.clusters.values()):
            draw, same = rng.random(), rng.random() < 0.5
            gained, lost = (
                (self.apart + difference / kept) / 2,
                (self.apart - difference / kept) / 2,
            )
            first[cluster] = draw < gained or (draw >= gained + lost and same)
            second[cluster] = gained <= draw < gained + lost or (draw >= gained + lost and same)
        return [first, second]

    def sides(self, difference: float, runs: int, rng: random.Random) -> dict[int, Sides]:
        """A study of this world."""
        first, second = self.arms(difference, rng)
        pairs = {}
        for run in range(runs):
            pairs[run] = Sides(first=self.student(first, rng), second=self.student(second, rng))
        return pairs

    def copies(self, count: int, rng: random.Random) -> Measured:
        """What copies of one student come to."""
        good, _ = self.arms(0.0, rng)
        own, *others = (self.student(good, rng, agent=False).right for _ in range(count + 1))
        items = len(own)
        scores = [sum(other.values()) / items for other in (own, *others)]
        moved = [sum(own[item] != other[item] for item in own) / items for other in others]
        spread = Spread(own=scores[0], scores=tuple(scores[1:]), moved=tuple(moved))
        floor = Floor(
            arm="a", seed=0, iteration=1, split="test", items=items, reevaluate=None,
            retrain=spread, varied=(), not_measured=(),
        )  # fmt: skip
        measured = Measured.of(floor)
        assert measured is not None
        return measured


def found(world: World, rests: Basis, runs: int, studies: int, seed: int) -> float:
    """How often a study finds the difference that a plan calls detectable."""
    rng = random.Random(seed)
    units = Counts.of(world.clusters.values()).units
    least = rests.least(units=units, runs=runs, alpha=0.05)
    assert least is not None and least < world.apart
    hits = sum(weigh(world.sides(least, runs, rng)).p < 0.05 for _ in range(studies))
    return hits / studies


def bound(studies: int) -> float:
    """The rate that 80% of studies stay above but for the approximation, and once in a thousand."""
    return 0.8 - 0.04 - 3.1 * sqrt(0.8 * 0.2 / studies)


ALONE = World(sizes=(1,) * 200, apart=0.14)
CLUSTERED = World(sizes=(3,) * 150, apart=0.14)
UNEQUAL = World(sizes=(1, 3) * 90, apart=0.14)
WAVERING = World(sizes=(1,) * 200, apart=0.14, shift=0.02)


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("world", [ALONE, UNEQUAL], ids=["alone", "unequal"])
def test_what_copies_say_makes_no_design_look_better_than_it_is(world: World, runs: int) -> None:
    rests = basis(copies=world.copies(12, random.Random(1)))
    assert rests.source == "assumed", "copies move less than two arms differ"
    assert found(world, rests, runs, studies=40, seed=2) > bound(40)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "runs"),
    [
        *((ALONE, runs) for runs in (1, 3, 5)),
        *((CLUSTERED, runs) for runs in (1, 3)),
        *((UNEQUAL, runs) for runs in (1, 5)),
        # One run says nothing of other runs, and the plan says that.
        *((WAVERING, runs) for runs in (3, 5)),
    ],
)
def test_nor_does_it_in_many_studies(world: World, runs: int) -> None:
    rests = basis(copies=world.copies(400, random.Random(3)))
    assert found(world, rests, runs, studies=400, seed=4) > bound(400)


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("world", [ALONE, CLUSTERED])
def test_answers_of_both_arms_say_more_than_what_is_assumed(world: World, runs: int) -> None:
    """Arms that differ more than assumed: their own answers raise the figure as far as it takes."""
    wide = World(sizes=world.sizes, apart=0.5, shift=world.shift)
    pilot = wide.sides(0.0, 5 if runs > 1 else 1, random.Random(5))
    copies = wide.copies(40, random.Random(6))
    assert basis(pilot, copies).discordance > 2 * DISCORDANCE
    assert found(wide, basis(pilot, copies), runs, studies=400, seed=7) > bound(400)
    if world is ALONE:
        # Clusters taken for one item leave some room; what is assumed has none.
        assert found(wide, basis(copies=copies), runs, studies=400, seed=7) < bound(400)


def test_what_the_agent_draws_is_in_no_copy_so_that_its_figure_is_a_lower_bound() -> None:
    rng = random.Random(8)
    drawn = World(sizes=(1,) * 200, apart=0.14, shift=0.01, agent=0.06)
    by_copies = basis(copies=drawn.copies(100, rng))
    by_runs = basis(drawn.sides(0.0, 8, rng), drawn.copies(100, rng))
    assert (by_copies.deviation_source, by_runs.deviation_source) == ("copies", "answers")
    assert by_copies.deviation is not None and by_runs.deviation is not None
    assert by_copies.deviation < 0.03 < by_runs.deviation
    low, high = (one.least(units=200, runs=3, alpha=0.05) for one in (by_copies, by_runs))
    assert low is not None and high is not None and low < high


def test_copies_that_move_more_than_is_assumed_are_believed() -> None:
    wild = Measured(discordance=0.3, deviation=0.01)
    assert (basis(copies=wild).discordance, basis(copies=wild).source) == (0.3, "copies")
    assert basis(copies=wild).unit_part == 0.0
    tame = Measured(discordance=0.05, deviation=0.01)
    assert basis(copies=tame).unit_part == pytest.approx(0.75), "0.05 of 0.2 moves in each run"
    assert basis(copies=tame, taught=1).unit_part == pytest.approx(0.875), "the base stays"
    assert basis(copies=tame, taught=1).deviation == pytest.approx(0.01)
    assert basis(copies=tame).deviation == pytest.approx(0.01 * sqrt(2))


def test_nothing_known_is_assumed_and_leaves_runs_out() -> None:
    rests = basis()
    assert (rests.discordance, rests.source) == (DISCORDANCE, "assumed")
    assert (rests.deviation, rests.deviation_source, rests.unit_part) == (None, "assumed", None)


@pytest.mark.parametrize("runs", [2, 3, 5, 10])
def test_what_items_do_from_run_to_run_counts_as_what_is_harder_to_see(runs: int) -> None:
    least = basis().least(units=300, runs=runs, alpha=0.05)
    assert least is not None
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        design = Design(units=300, runs=runs, alpha=0.05, discordance=0.2, unit_part=part)
        easier = detectable(design)
        assert easier is not None and easier <= least + 1e-4


def test_students_that_agree_in_all_they_answered_are_no_miracle() -> None:
    same = Answers(right={str(n): n % 2 == 0 for n in range(50)}, clusters={})
    rests = basis({0: Sides(first=same, second=same)})
    assert (rests.discordance, rests.source) == (0.0, "answers")
    least = rests.least(units=50, runs=1, alpha=0.05)
    assert least is not None and least > 0.05, "what differs is still to be seen on some items"


def test_clusters_of_unequal_size_count_for_fewer() -> None:
    assert Counts.of("aabbcc") == Counts(items=6, clusters=3, units=3)
    assert Counts.of("aaaabc").units == 2
    assert Counts.of("abc") == Counts.alone(3)
    assert Counts.of("") == Counts.alone(0)

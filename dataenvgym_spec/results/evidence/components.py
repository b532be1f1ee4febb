"""What makes a difference over several runs vary: the runs, the items, and both together.

Every run has answered the same items, so the paired differences form a table of items by runs. Each
is the true difference, plus what its item does in every run, plus what its run does on every item,
plus a rest: a crossed random model with one value a cell (Searle, Casella and McCulloch 1992,
Variance Components, chapter 4; with items as a random factor: Clark 1973, Journal of Verbal
Learning and Verbal Behavior 12, 335-359). Clusters of items take the place of items, by the totals
of their residuals (Cochran 1977, Sampling Techniques, chapter 6). Pure Python, as `inversion` is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean
from typing import Final

from dataenvgym_spec.results.evidence.tails import quantile

LEAST: Final = 1e-12
"""The smallest p value that is told apart from zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """A table of paired differences, by units (items, or clusters of them) and runs.

    Attributes:
        mean: the mean difference.
        units: how many units there are.
        runs: how many runs.
        by_unit: the mean square between units.
        by_run: the mean square between runs.
        rest: the mean square of what is left.
    """

    mean: float
    units: int
    runs: int
    by_unit: float
    by_run: float
    rest: float

    @property
    def run_deviation(self) -> float | None:
        """The standard deviation between runs beyond what their items make; None is not seen.

        Where runs lie no further apart than the rest makes them, its estimate is cut off at 0: a
        few runs come to that often, and it does not say that runs do not vary.
        """
        return sqrt(self._run_variance) if self.by_run > self.rest else None

    @property
    def unit_deviation(self) -> float | None:
        """The same between units, of what all runs share."""
        return sqrt(self.unit_variance) if self.by_unit > self.rest else None

    @property
    def _run_variance(self) -> float:
        return max(0.0, self.by_run - self.rest) / self.units

    @property
    def unit_variance(self) -> float:
        """The variance between units that all runs share; 0 where it was not seen, or is 0."""
        return max(0.0, self.by_unit - self.rest) / self.runs

    @property
    def over_runs(self) -> float:
        """The variance of the mean if other runs answered these items."""
        return self.by_run / (self.units * self.runs)

    @property
    def over_units(self) -> float:
        """What the choice of the items adds to it."""
        return self.unit_variance / self.units

    @property
    def over_rest(self) -> float:
        """The variance of the mean by the rest alone, which runs cannot be below but by chance."""
        return self.rest / (self.units * self.runs)

    @property
    def shares(self) -> tuple[float | None, float | None, float]:
        """Which parts of the mean's variance are runs, units and rest; None is not seen."""
        runs, units = self._run_variance / self.runs, self.over_units
        # Nothing varies only where runs are copies, which are not crossed.
        total = runs + units + self.over_rest or 1.0
        return (
            None if self.run_deviation is None else runs / total,
            None if self.unit_deviation is None else units / total,
            self.over_rest / total,
        )

    @property
    def copies(self) -> bool:
        """Whether every run says the same of every unit, so that runs are no replicates."""
        return self.by_run == 0 and self.rest == 0

    def half(self, alpha: float) -> float:
        """Half the width of the interval of the mean over other runs and other items.

        The two variances are estimated apart, with very different numbers of degrees of freedom:
        each is taken with its own quantile of t, which covers at least as often as it should
        (Banerjee 1961, Sankhya A 23, 359-378). So the interval is never narrower than the t
        interval over runs.
        """
        run_quantile = quantile(alpha, self.runs - 1)
        unit_quantile = quantile(alpha, max(1, self.units - 1))
        runs = run_quantile**2 * self.over_runs
        # Two or three runs may agree by chance; with items as they are they cannot be this exact.
        runs = max(runs, unit_quantile**2 * self.over_rest)
        return sqrt(runs + unit_quantile**2 * self.over_units)

    def interval(self, alpha: float) -> tuple[float, float]:
        """The interval of the mean at a level, within what a difference can be."""
        half = self.half(alpha)
        return max(-1.0, self.mean - half), min(1.0, self.mean + half)

    @property
    def p(self) -> float:
        """The two-sided p value of no difference: where the interval turns to hold zero."""
        if self.mean == 0:
            return 1.0
        low, high = LEAST, 1.0 - LEAST
        for _ in range(50):
            # The levels of interest lie magnitudes apart.
            middle = sqrt(low * high)
            if self.half(middle) > abs(self.mean):
                low = middle
            else:
                high = middle
        return high if high > 2 * LEAST else 0.0


def crossed(tables: Sequence[Mapping[str, float]], clusters: Mapping[str, str]) -> Crossed | None:
    """The decomposition of some paired differences; None where there is nothing to cross.

    Args:
        tables: of each run the difference of the two marks, by item.
        clusters: the cluster of an item; one that is not named stands alone.
    """
    shared = sorted(set.intersection(*(set(table) for table in tables)))
    units = sorted({clusters.get(item, item) for item in shared})
    if len(tables) < 2 or len(units) < 2:
        return None
    mean = fmean(table[item] for table in tables for item in shared)
    place = {unit: number for number, unit in enumerate(units)}
    scale = len(units) / len(shared)
    # Of each unit and run the total of its residuals, scaled so that its mean is the run's.
    cells = [[0.0] * len(tables) for _ in units]
    for item in shared:
        row = cells[place[clusters.get(item, item)]]
        for run, table in enumerate(tables):
            row[run] += scale * (table[item] - mean)
    return _analysed(cells, mean)


def _analysed(cells: Sequence[Sequence[float]], mean: float) -> Crossed:
    """The mean squares of a table whose grand mean is zero."""
    units, runs = len(cells), len(cells[0])
    of_units = [fmean(row) for row in cells]
    of_runs = [fmean(row[run] for row in cells) for run in range(runs)]
    rest = 0.0
    for unit, row in enumerate(cells):
        for run, value in enumerate(row):
            rest += (value - of_units[unit] - of_runs[run]) ** 2
    return Crossed(
        mean=mean,
        units=units,
        runs=runs,
        by_unit=_clear(runs * sum(value * value for value in of_units) / (units - 1)),
        by_run=_clear(units * sum(value * value for value in of_runs) / (runs - 1)),
        rest=_clear(rest / ((units - 1) * (runs - 1))),
    )


def _clear(square: float) -> float:
    """A mean square without what rounding leaves of nothing."""
    return 0.0 if square < 1e-20 else square

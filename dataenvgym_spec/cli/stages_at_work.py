"""The stages that are made in a clone without a queue of ours, as `dataenvgym status` knows them.

`dataenvgym run` without `--jobs` and `dvc repro` leave no file that says how they stand; whoever
makes a stage holds its lock.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dataenvgym_spec.cli.common import fitting, plural, sums_of
from dataenvgym_spec.core.text import clock
from dataenvgym_spec.questions.status import STATES, StageStatus, status
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.indexes import compiled
from dataenvgym_spec.store.layout import Layout

MOST: Final = 6
"""Experiments that are shown."""
LOOKED_AT: Final = frozenset(("running", "paused", "failed"))
"""States of stages that have a line of their own."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: the stages of the experiments in which some were made.

    Attributes:
        experiments: the stages that are done and not, by experiment.
        now: when that was, in seconds since the epoch.
    """

    experiments: Mapping[str, Sequence[StageStatus]] = field(default_factory=dict)
    now: float = 0.0

    @property
    def has_failures(self) -> bool:
        """Whether a stage has failed or paused."""
        return any(
            row.state in ("failed", "paused") for rows in self.experiments.values() for row in rows
        )

    def lines(self, width: int) -> Iterator[str]:
        """What is shown, in lines of a width."""
        if not self.experiments:
            yield "between two stages"
        for name in list(self.experiments)[:MOST]:
            rows = self.experiments[name]
            yield fitting(f"{name}: {sums_of(Counter(row.state for row in rows), STATES)}", width)
            for row in rows:
                if row.state in LOOKED_AT:
                    yield from self._lines(row, width)
        if len(self.experiments) > MOST:
            yield f"and {plural(len(self.experiments) - MOST, 'more experiment')}"

    def _lines(self, row: StageStatus, width: int) -> Iterator[str]:
        label = row.state if row.since is None else clock(max(0.0, self.now - row.since))
        detail = row.detail.partition("\n")[0]
        yield fitting(f"  {label:>7}  {row.label}  {detail}", width)
        for one in row.asked:
            yield fitting(f"  {'':7}  {one.text()}", width)


def look(layout: Layout, name: str | None = None, before: Look | None = None) -> Look:
    """Looks at the stages of a clone.

    Args:
        layout: the repository.
        name: the experiment; None for all that are compiled.
        before: what was seen last: experiments in which stages were made then are seen again.

    Raises:
        UserError: there is no such experiment.
    """
    seen: dict[str, Sequence[StageStatus]] = {}
    last = frozenset(before.experiments if before else ())
    for item in [name] if name else compiled(layout):
        rows = status(load(item, layout.root))
        if item in last or name or any(row.state == "running" for row in rows):
            seen[item] = rows
    return Look(seen, time.time())

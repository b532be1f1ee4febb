"""The limits that `dataenvgym run` gives its stages.

None begins once an experiment has cost more than it may, and one that asks teachers pauses between
two requests.

They come by the environment, and not by a file, because they are no part of what a stage does:
plain `dvc repro` knows none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Final

from dataenvgym_spec.core.errors import PAUSED, LimitReached
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.cost.estimate import Past, spent
from dataenvgym_spec.questions.cost.limits import standings
from dataenvgym_spec.questions.cost.ranges import CostRange, total
from dataenvgym_spec.questions.cost.spending import of_experiment
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.store.layout import Layout

LIMITS: Final = "DATAENVGYM_LIMITS"
"""The environment variable: `{"experiment": NAME, "limits": {NAME: LIMIT}}`."""
FRESH, LEISURE = 0.5, 20
"""Seconds until what others have spent is read again, at least so many times what that takes."""


def packed(experiment: str, limits: Mapping[str, float]) -> dict[str, str]:
    """What the environment of stages has to hold."""
    return {LIMITS: json.dumps({"experiment": experiment, "limits": limits})}


def guard(layout: Layout, environ: Mapping[str, str]) -> None:
    """Stops what is about to begin if a limit is passed.

    Raises:
        LimitReached: it is.
    """
    if LIMITS in environ:
        given = json.loads(environ[LIMITS])
        reached = _passed(given, _had(layout, given["experiment"]))
        if reached is not None:
            raise reached


class Allowance:
    """What an experiment may still spend while a stage of it asks teachers.

    Args of the constructor:
        layout: the repository.
        environ: the environment, which holds the limits.
        stage: the stage.
        clock: seconds, that only go forward.
    """

    def __init__(
        self,
        layout: Layout,
        environ: Mapping[str, str],
        stage: Stage,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout, self._stage, self._clock = layout, stage, clock
        self._given = json.loads(environ[LIMITS])
        self._prices = read_prices(layout.root)
        self._others, self._due = CostRange(), clock()

    def passed(self, log: Log) -> LimitReached | None:
        """Why the stage has to pause; None if it may go on.

        Args:
            log: of the stage, as it stands.
        """
        began = self._clock()
        if began >= self._due:
            # Other stages of the experiment may be at work, and spend too.
            name = self._given["experiment"]
            self._others = _had(self._layout, name, without=self._stage.directory)
            ended = self._clock()
            self._due = ended + max(FRESH, LEISURE * (ended - began))
        own = spent(Past(stage=self._stage, log=log), self._prices)
        return _passed(self._given, total((self._others, own)))


def _had(layout: Layout, experiment: str, *, without: str | None = None) -> CostRange:
    """What the stages of an experiment have cost, as far as each has come."""
    prices = read_prices(layout.root)
    pasts = of_experiment(layout, experiment, without=without).pasts
    return total(spent(past, prices) for past in pasts)


def _passed(given: Mapping[str, dict[str, float]], had: CostRange) -> LimitReached | None:
    # Nothing is ahead here: the plan was held against the limits before the run began.
    for one in standings(given["limits"], had, CostRange()):
        if one.passed:
            message = f"{PAUSED}the limit on '{one.name}' is passed: {one.text()}"
            anyway = f"dataenvgym run {given['experiment']} --ignore-limits"
            raised = f"raise 'limits.{one.name}' in the spec and run again"
            help = f"what is done is kept, answers included; {raised}, or: {anyway}"
            return LimitReached(message, help=help)
    return None

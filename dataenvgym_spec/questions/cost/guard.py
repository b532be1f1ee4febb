"""The limits that `dataenvgym run` gives its stages.

None begins once an experiment has cost more than it may.

They come by the environment, and not by a file, because they are no part of what a stage does:
plain `dvc repro` knows none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from dataenvgym_spec.core.errors import LimitReached
from dataenvgym_spec.questions.cost.estimate import CostRange, spent, total
from dataenvgym_spec.questions.cost.limits import standings
from dataenvgym_spec.questions.cost.spending import of_experiment
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.store.layout import Layout

LIMITS: Final = "DATAENVGYM_LIMITS"
"""The environment variable: `{"experiment": NAME, "limits": {NAME: LIMIT}}`."""


def packed(experiment: str, limits: Mapping[str, float]) -> dict[str, str]:
    """What the environment of stages has to hold."""
    return {LIMITS: json.dumps({"experiment": experiment, "limits": limits})}


def guard(layout: Layout, environ: Mapping[str, str]) -> None:
    """Stops what is about to begin if a limit is passed.

    Raises:
        LimitReached: it is.
    """
    if LIMITS not in environ:
        return
    given = json.loads(environ[LIMITS])
    prices = read_prices(layout.root)
    had = total(spent(past, prices) for past in of_experiment(layout, given["experiment"]).pasts)
    # Nothing is ahead here: the plan was held against the limits before the run began.
    for one in standings(given["limits"], had, CostRange()):
        if one.passed:
            message = f"paused: the limit on '{one.name}' is passed: {one.text()}"
            anyway = f"dataenvgym run {given['experiment']} --ignore-limits"
            raised = f"raise 'limits.{one.name}' in the spec and run again"
            raise LimitReached(message, help=f"what is done is kept; {raised}, or: {anyway}")

"""An experiment's entry: makes its report once every stage is done, and then brings tracking up to date."""

from __future__ import annotations

import os
from collections.abc import Mapping

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.execute.context import say
from dataenvgym_spec.report.extra import require
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.store.atomic import write
from dataenvgym_spec.store.layout import Layout

TRACK = "DATAENVGYM_TRACK"
"""Set to 0, this variable of the environment switches tracking off."""


def entry(layout: Layout, experiment: str) -> None:
    """Writes `index.html`, `metrics.json` and `curves.csv` of an experiment.

    Raises:
        StageError: some of its stages are not done.
        MissingExtra: what draws the report is not installed.
        UserError: the experiment was never compiled.
    """
    say(f"== {experiment}: report")
    require("scipy", "matplotlib")
    results = load(experiment, layout.root)
    complain(results)
    write_report(layout, results)
    track(layout, experiment, os.environ)


def complain(results: Results) -> None:
    """Checks that all stages are done.

    Raises:
        StageError: some are not.
    """
    missing = [stage.label() for stage in results.stages if not stage.done]
    if missing:
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        few = "; ".join(missing[:8])
        raise StageError(
            f"{len(missing)} of {len(results.stages)} stages are not done: {few}{more}",
            help=f"run: dvc repro {results.name}",
        )


def write_report(layout: Layout, results: Results) -> None:
    """Writes the three files and prints where they are and what came out."""
    from dataenvgym_spec.report import words
    from dataenvgym_spec.report.metrics import curves_csv, metrics
    from dataenvgym_spec.report.page import page
    from dataenvgym_spec.report.text import interval, percent, point_interval, points
    from dataenvgym_spec.results.study import study

    found = study(results)
    folder = layout.report(results.name)
    write(folder / "metrics.json", metrics(found))
    write(folder / "curves.csv", curves_csv(found))
    write(folder / "index.html", page(found))
    for outcome in found.summaries:
        say(
            f"  {outcome.arm:20} {outcome.student:5} {percent(outcome.accuracy.value):>6} of {outcome.items} sealed items ({interval(outcome.accuracy)})"
        )
    for contrast in found.contrasts:
        who = f"{contrast.arm} less {contrast.against}, {contrast.student}"
        say(
            f"  {who}: {points(contrast.difference.value)} points ({point_interval(contrast.difference)})"
        )
    if words.stops(found.curves):
        say(f"  {words.stops(found.curves)}")
    say(f"  report: {(folder / 'index.html').relative_to(layout.root)}")


def track(layout: Layout, experiment: str, environ: Mapping[str, str]) -> None:
    """Brings tracking up to date. A projection that fails is a warning: the results are whole without it."""
    if environ.get(TRACK) == "0":
        return
    try:
        from dataenvgym_spec.track.run import track as project

        project(layout, [experiment])
    except UserError as error:
        say(f"  warning: not tracked: {error.message}" + (f" ({error.help})" if error.help else ""))
    except Exception as error:
        say(f"  warning: not tracked: {type(error).__name__}: {error}")

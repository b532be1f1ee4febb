"""An experiment's entry: makes its report once every stage is done, then updates tracking."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.making import making
from dataenvgym_spec.execute.context import say
from dataenvgym_spec.report.extra import require
from dataenvgym_spec.results.edited import edited, notice
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.store.atomic import write
from dataenvgym_spec.store.layout import EXAMPLES, Layout

if TYPE_CHECKING:
    from dataenvgym_spec.results.study import Study

TRACK = "DATAENVGYM_TRACK"
"""Set to 0, this variable of the environment switches tracking off."""

MOST_NAMED = 8
"""How many of the stages that are not done an error names."""


def entry(layout: Layout, experiment: str) -> None:
    """Writes the report of an experiment: the page, and its numbers for programs and for DVC.

    Raises:
        StageError: some of its stages are not done.
        MissingExtra: what draws the report is not installed.
        UserError: the experiment was never compiled.
    """
    say(f"== {experiment}: report")
    require("scipy", "matplotlib")
    results = load(experiment, layout.root)
    changed = notice(experiment, edited(results))
    if changed:
        say(f"  mind: {changed}")
    complain(results)
    write_report(layout, results)
    track(layout, experiment, os.environ)


def complain(results: Results) -> None:
    """Checks that all stages are done.

    Raises:
        StageError: some are not.
    """
    missing = [stage.label() for stage in results.stages if not stage.done]
    if not missing:
        return
    named = "; ".join(missing[:MOST_NAMED])
    if len(missing) > MOST_NAMED:
        named += f" and {len(missing) - MOST_NAMED} more"
    message = f"{len(missing)} of {len(results.stages)} stages are not done: {named}"
    sweep = results.index.sweep is not None
    command = making(results.layout.root, results.name, sweep=sweep)
    raise StageError(message, help=f"run: {command}")


def write_report(layout: Layout, results: Results) -> None:
    """Writes the files of a report and prints where they are and what came out."""
    # Drawing takes a second to import, which an experiment that is not done should not wait for.
    from dataenvgym_spec.report.browse import browse
    from dataenvgym_spec.report.metrics import headline, metrics
    from dataenvgym_spec.report.page import page
    from dataenvgym_spec.report.points import curve_files, curves_csv
    from dataenvgym_spec.results.study import study

    content = study(results)
    folder = layout.report(results.name)
    write(folder / "metrics.json", metrics(content))
    write(folder / "headline.json", headline(content))
    write(folder / "curves.csv", curves_csv(content))
    for path, text in curve_files(content).items():
        write(layout.root / path, text)
    write(folder / "index.html", page(content))
    # Parts of a page that once was larger may stand there.
    shutil.rmtree(folder / EXAMPLES, ignore_errors=True)
    for name, text in browse(results):
        write(folder / EXAMPLES / name, text)
    _say_results(content)
    say(f"  report: {(folder / 'index.html').relative_to(layout.root)}")


def _say_results(study: Study) -> None:
    """Prints the students' accuracies, the contrasts, and which runs stopped early."""
    from dataenvgym_spec.report import asking, noise, words
    from dataenvgym_spec.report.text import interval, percent, point_interval, points
    from dataenvgym_spec.results.wording import ONE_RUN, compared, covered

    width = max([5, *(len(outcome.student) for outcome in study.summaries)])
    for outcome in study.summaries:
        accuracy = f"{percent(outcome.accuracy.value):>6} of {outcome.items} sealed items"
        spread = interval(outcome.accuracy)
        say(f"  {outcome.arm:20} {outcome.student:{width}} {accuracy} ({spread})")
        for k, estimate in outcome.passes:
            say(f"  {'':{21 + width}} {percent(estimate.value):>6} pass@{k} ({interval(estimate)})")
    if len(study.seeds) == 1:
        say(f"  {ONE_RUN}")
    for contrast in study.contrasts:
        who = compared(contrast.question)
        value, span = points(contrast.difference.value), point_interval(contrast.difference)
        say(f"  {who}: {value} points ({span}; {covered(contrast.difference)})")
        floor = noise.floor_of(study.floor, contrast.question, contrast.weighed)
        say(f"    {words.p_values(contrast)}. {words.verdict(contrast)}")
        say(f"    {floor}")
        parity = study.parities.get(contrast.question)
        for caveat in words.warnings(contrast, study.stamps, parity):
            say(f"  mind: {caveat}")
    for sentence, parity in asking.of_change(study.change_parities):
        if parity.differing:
            say(f"  mind: {sentence}")
    for missing in study.unanswered:
        say(f"  mind: {words.unanswered(missing.question)}")
    for sentence in words.judged(study.judging):
        say(f"  {sentence}")
    stops = words.stops(study.curves)
    if stops:
        say(f"  {stops}")


def track(layout: Layout, experiment: str, environ: Mapping[str, str]) -> None:
    """Brings tracking up to date.

    Tracking is a projection: if it fails, the results are whole, and a warning is enough.
    """
    if environ.get(TRACK) == "0":
        return
    try:
        from dataenvgym_spec.track.run import track as project

        project(layout, [experiment])
    except UserError as error:
        remedy = f" ({error.help})" if error.help else ""
        say(f"  warning: not tracked: {error.message}{remedy}")
    except Exception as error:
        say(f"  warning: not tracked: {type(error).__name__}: {error}")

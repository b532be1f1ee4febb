"""`dataenvgym rehearse`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dataenvgym_spec.cli.common import as_json, plural, print_json, setting
from dataenvgym_spec.cli.costs import Bill, duration, lines, record
from dataenvgym_spec.cli.naming import chosen_files
from dataenvgym_spec.core.errors import UserError, seen, visible
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.questions.cost.ranges import total
from dataenvgym_spec.store.layout import Layout, find_root

if TYPE_CHECKING:
    from dataenvgym_spec.execute.rehearsal.estimates import StudentNeeds
    from dataenvgym_spec.execute.rehearsal.rehearsal import Finding, Rehearsed

MOST: Final = 40
"""Findings that are printed."""


@click.command("rehearse")
@click.argument("spec")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where all of it is made (default: below .dataenvgym).",
)
@click.option("--offline", is_flag=True, help="Do not ask the hub.")
@setting
@as_json
def command(
    spec: str, folder: Path | None, offline: bool, sets: tuple[str, ...], as_json: bool
) -> int:
    """Run a spec at toy size on this machine, in minutes: the same arms and stages, tiny models of
    the same architecture, a handful of rows, and a scripted service for its teachers. Then say what
    would have failed, what memory the student takes, what the real run costs, and what all that has
    not tested.

    Nothing is written but in a folder of its own, which the next rehearsal of the spec empties.
    Outside of a repository, and without --folder, it is removed at the end.
    Exit code 1 where something would have failed, or nothing could be rehearsed.

    \b
    Example:
      dataenvgym rehearse quickstart --offline
    """
    from dataenvgym_spec.execute.rehearsal.hub import HubAccess
    from dataenvgym_spec.execute.rehearsal.rehearsal import rehearse

    layout, is_repository = _layout()
    ((path, only),) = chosen_files([spec], layout, sets).items()
    if folder is None and is_repository:
        folder = layout.private / "rehearsals" / path.stem
    with _place(folder) as place:
        result = rehearse(
            path,
            root=layout.root,
            folder=place,
            sets=sets,
            only=only,
            hub=HubAccess(asks=not offline),
            say=_say,
        )
    if as_json:
        print_json(_record(result, kept=folder is not None))
    else:
        for line in _lines(result, kept=folder is not None):
            click.echo(seen(line))
    return 1 if result.findings or result.obstacles else 0


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """The folder of a rehearsal; without one, outside of a repository, one that goes with it."""
    if folder is not None:
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as name:
        yield Path(name).resolve()


def _layout() -> tuple[Layout, bool]:
    """The repository, or else the working directory."""
    try:
        return Layout(root=find_root()), True
    except UserError:
        return Layout(root=Path.cwd()), False


def _say(line: str) -> None:
    click.echo(seen(line), err=True)


def _lines(result: Rehearsed, *, kept: bool) -> Iterator[str]:
    played = result.played
    done, all_stages = len(played.done), len(played.done) + len(played.failed)
    all_stages += len(played.skipped)
    yield (
        f"{', '.join(result.names)}: {done} of {plural(all_stages, 'stage')} rehearsed "
        f"in {duration(played.seconds)}; the real run has {result.real}"
    )
    yield from _listed("could not be rehearsed", result.obstacles)
    if result.findings:
        yield f"would fail: {len(result.findings)}"
        for finding in result.findings[:MOST]:
            yield from _finding(finding)
    elif not result.obstacles:
        yield "nothing failed"
    for student in result.estimates.students:
        yield from _student(student)
    if result.asked.requests:
        yield (
            f"teachers: {plural(result.asked.requests, 'request')}, the longest of "
            f"{result.asked.longest} letters"
        )
    stages = result.estimates.stages
    bill = Bill(stages=stages, ahead=total(one.cost for one in stages), spent=total(()), limits=())
    yield "the real run, all of it"
    yield from lines(bill)
    yield from _listed("stood in", result.replaced)
    yield from _listed("cut", result.cuts)
    yield from _listed("not tested", result.untested)
    if kept:
        yield f"files: {result.folder}"


def _listed(title: str, rows: Iterable[str]) -> Iterator[str]:
    shown = list(rows)
    if shown:
        yield title
        yield from (f"  {visible(row)}" for row in shown)


def _finding(finding: Finding) -> Iterator[str]:
    code = f"[{finding.code}]" if finding.code else ""
    head = ": ".join(filter(None, (visible(finding.where), code)))
    yield f"  {head}: {visible(finding.message)}"
    if finding.help:
        yield f"    = help: {visible(finding.help)}"


def _student(student: StudentNeeds) -> Iterator[str]:
    sizes, taken = student.sizes, student.memory
    billions, millions = sizes.parameters / 1e9, sizes.trained / 1e6
    yield f"{student.name}: {billions:.2f} billion weights, {millions:.1f} million are trained"
    one, batch = size_text(taken.least_training), size_text(taken.training)
    yield f"  memory to train      about {one} for one example at once, {batch} for {taken.batch}"
    yield f"  memory to generate   about {size_text(taken.generation)}"
    about = "" if student.counts else "about "
    room = f", and it has room for {sizes.positions}" if sizes.positions else ""
    answer = f"an answer up to {student.new_tokens}"
    yield f"  longest prompt       {about}{student.lengths.longest} tokens, {answer}{room}"


def _record(result: Rehearsed, *, kept: bool) -> dict[str, Any]:
    """For programs: all of it."""
    played, stages = result.played, result.estimates.stages
    return {
        "experiments": list(result.names),
        "fails": bool(result.findings),
        "findings": [
            {"code": one.code, "where": one.where, "message": one.message, "help": one.help}
            for one in result.findings
        ],
        "obstacles": list(result.obstacles),
        "warnings": [
            {"code": one.code, "message": one.message, "help": one.help} for one in result.warnings
        ],
        "stages": {
            "done": len(played.done),
            "failed": len(played.failed),
            "skipped": len(played.skipped),
            "real": result.real,
        },
        "seconds": round(played.seconds, 1),
        "students": list(map(_student_record, result.estimates.students)),
        "teachers": {
            "requests": result.asked.requests,
            "longest_letters": result.asked.longest,
            "most_tokens": result.asked.allowed,
        },
        "cost": record(total(one.cost for one in stages)),
        "stood_in": list(result.replaced),
        "cut": list(result.cuts),
        "not_tested": list(result.untested),
        "folder": str(result.folder) if kept else None,
    }


def _student_record(student: StudentNeeds) -> dict[str, Any]:
    sizes, taken = student.sizes, student.memory
    return {
        "name": student.name,
        "arms": list(student.arms),
        "parameters": sizes.parameters,
        "trained": sizes.trained,
        "positions": sizes.positions,
        "bytes": {
            "training_one": taken.least_training,
            "training_batch": taken.training,
            "generation": taken.generation,
        },
        "longest_prompt_tokens": student.lengths.longest,
        "tokens_counted": student.counts,
    }

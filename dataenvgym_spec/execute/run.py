"""Runs one stage: lock, adopt or execute in scratch, publish.

This is what the `cmd` of every `dvc.yaml` calls.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dataenvgym_spec.core.errors import StageError, UserError, refused
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.core.room import LEFT
from dataenvgym_spec.core.running import current
from dataenvgym_spec.core.secrets import Secrets, opening
from dataenvgym_spec.execute.circumstances import read_circumstances
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.context import Context, say
from dataenvgym_spec.execute.desk import Desk
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.pass_through import pass_through
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.stopped import stopped
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.execute.watch import Watch
from dataenvgym_spec.graph.component import Circumstances
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.records.progress import PROGRESS
from dataenvgym_spec.results.prices import read_prices
from dataenvgym_spec.setup.hardware.leases import claimed
from dataenvgym_spec.setup.hardware.reading import applied
from dataenvgym_spec.store.layout import KEPT, Layout
from dataenvgym_spec.store.outside import Students
from dataenvgym_spec.store.scratch import Scratch

if TYPE_CHECKING:
    from dataenvgym_spec.questions.cost.guard import Allowance


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A stage whose result is published, and the experiments that it is part of."""

    kind: str
    experiments: tuple[str, ...]


def run_stage(layout: Layout, directory: str) -> Published:
    """Makes the result of one stage lie in its directory.

    Returns:
        What was made, for the caller who brings tracking up to date.

    Raises:
        MachineFault: what it works with was killed, or another host has taken it over.
        StageError: the stage's files are damaged or its work failed.
        UserError: something it needs is not there.
    """
    content = read_stage(layout, directory)
    run = current(os.environ)
    places = uses(layout, content["key"], run.experiment if run else None)
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    say(f"== {': '.join(places[0])}{more}" if places else f"== {directory}")
    stage = parsed(content)
    experiments = sorted({experiment for experiment, _ in places})
    known = read_circumstances(layout, experiments)
    with claimed(layout, directory, waiting=waits) as claim:
        space = claim.space
        inputs = Inputs.of(layout, content, stage)
        inputs.require_intact(layout)
        maker = claim.bring(stage.id, inputs.digests)
        if maker is not None:
            say(f"  brought from the remote: it was made by {maker}")
        found = space.finished(stage.id)
        if found == inputs.digests:
            say("  adopted: a finished result was found, nothing is made again")
        else:
            if found is not None:
                say(f"  made again: a finished result {_other(found, inputs.digests)}")
            passes = stopped(layout, content)
            execute(layout, stage, inputs, space, passes=passes, circumstances=known)
        claim.publish(inputs.digests)
    return Published(kind=content["kind"], experiments=tuple(experiments))


def waits(holder: str | None) -> None:
    """Says that somebody else makes the same."""
    say(f"  waiting for {holder or 'another run'}, which makes the same result")


def _other(found: Mapping[str, str], digests: Mapping[str, str]) -> str:
    """How a result that is not adopted came about."""
    changed = [path for path, digest in digests.items() if found.get(path) != digest]
    return f"was made from another '{changed[0]}'" if changed else "was made from other inputs"


def execute(
    layout: Layout,
    stage: Stage,
    inputs: Inputs,
    space: Scratch,
    *,
    passes: bool = False,
    circumstances: Circumstances | None = None,
    alone: bool = False,
) -> None:
    """Executes a stage in scratch and marks its result complete.

    Args:
        layout: the repository.
        stage: with its key as id.
        inputs: what it reads.
        space: where it works.
        passes: whether its loop has stopped, so that it passes through what stood before.
        circumstances: how its components run here.
        alone: whether all of it is done here, whatever other processes have done of it.

    Raises:
        StageError: its work failed.
        UserError: something it needs is not there.
    """
    # Clocks are set back; what a stage took is measured by one that is not.
    started, clock = time.time(), time.monotonic()
    if not space.begin(stage.ports, inputs.digests):
        say("  from the start: an earlier attempt was made from other inputs")
    context = working(layout, stage, inputs, space, circumstances or {})
    if alone:
        context = replace(context, shards=None)
    with (
        failures(layout, space.path / "failure.txt"),
        applied(layout.root, os.environ),
        contextlib.closing(context),
    ):
        make_room(stage, circumstances or {})
        with context.phase("imports"):
            function = pass_through(stage.kind) if passes else executor(stage.kind)
        function(context)
        context.write_log(started, time.monotonic() - clock)
        inputs.require_unchanged(layout)
        space.complete(stage.id, inputs.digests)
        if context.shards is not None:
            shutil.rmtree(context.shards.folder, ignore_errors=True)
    say(f"  done in {time.monotonic() - clock:.1f} s")


def make_room(stage: Stage, circumstances: Circumstances) -> None:
    """Ends what the run keeps where a stage needs the room, but for what it asks.

    An evaluation sees to that itself. The profile of the machine is applied already: it is part of
    what tells one engine from another.
    """
    gpus = (stage.on_device or stage.reads_student) and gpu_count() > 0
    if stage.kind == "evaluate" or not (gpus or LEFT in os.environ):
        return
    from dataenvgym_spec.execute.warm import servers

    wholes = [whole.under(circumstances) for _, whole in stage.params.components()]
    teachers = [part for whole in wholes for part in whole.walk() if part.slot == "teacher"]
    servers.make_room(teachers, os.environ, gpus=gpus)


def working(
    layout: Layout, stage: Stage, inputs: Inputs, space: Scratch, circumstances: Circumstances
) -> Context[Any]:
    """What an executor is handed that works in a scratch directory."""
    params = stage.params
    watch = Watch(
        path=space.path / PROGRESS,
        prices=lambda: read_prices(layout.root),
        say=say,
        allowance=_allowance(layout, stage),
    )
    desk = Desk.of(
        layout,
        os.environ,
        stage=stage.id,
        seed=run_seed(params),
        name=stage.directory,
        log=space.log,
        say=say,
        watch=watch,
    )
    return Context(
        key=stage.id,
        params=params,
        reads=inputs.ports,
        files=inputs.files,
        out_folder=space.out,
        log=space.log,
        work=space.work,
        say=say,
        students=Students(layout),
        circumstances=circumstances,
        desk=desk,
        shards=shards_of(layout, stage, inputs),
        kept=Shards(folder=space.work / KEPT, key=stage.id, inputs=inputs.digests),
        verify=lambda: inputs.require_unchanged(layout),
    )


def shards_of(layout: Layout, stage: Stage, inputs: Inputs) -> Shards:
    """What other processes have done of a stage."""
    return Shards(folder=layout.shards(stage.directory), key=stage.id, inputs=inputs.digests)


def _allowance(layout: Layout, stage: Stage) -> Allowance | None:
    """What the experiment may still spend; None without limits."""
    # The name is written out: most runs have none and should not wait for the imports.
    if "DATAENVGYM_LIMITS" not in os.environ:
        return None
    from dataenvgym_spec.questions.cost.guard import Allowance

    return Allowance(layout, os.environ, stage)


def run_seed(params: Params) -> int | None:
    """The seed of the run that a stage belongs to; None for one that runs share."""
    seed: int | None = getattr(params, "seed", None)
    return seed if params.seeded == "run" else None


@contextlib.contextmanager
def failures(layout: Layout, trace: Path) -> Iterator[None]:
    """Keeps why a stage fails, and makes of it what its user is told.

    Raises:
        StageError: its work failed.
        UserError: something it needs is not there.
    """
    trace.unlink(missing_ok=True)
    try:
        yield
    except UserError as error:
        _keep(trace, f"{error.message}\n")
        raise
    except OSError as error:
        _keep(trace, traceback.format_exc())
        raise refused(error) from error
    except Exception as error:
        _keep(trace, traceback.format_exc())
        shown = trace.relative_to(layout.root)
        remedy = f"the whole story is in {shown}; what was finished is kept"
        raise StageError(_told(f"{type(error).__name__}: {error}"), help=remedy) from error


def _keep(trace: Path, text: str) -> None:
    # What is wrong may be that nothing can be written.
    with contextlib.suppress(OSError):
        trace.write_text(_told(text), encoding="utf-8")


def _told(text: str) -> str:
    """What may be told of an error: nobody knows what a library puts into its text."""
    return Secrets(opening(os.environ)).hide(text)


def parsed(content: dict[str, Any]) -> Stage:
    """The stage that a `stage.json` describes.

    Raises:
        StageError: another release of this package wrote it.
    """
    try:
        return Stage.parse(content)
    except (KeyError, msgspec.ValidationError) as error:
        message = f"the parameters of this '{content['kind']}' cannot be read: {error}"
        raise StageError(message, help="run: dataenvgym compile") from error


def uses(layout: Layout, key: str, experiment: str | None) -> list[tuple[str, str]]:
    """Where a stage stands.

    `(experiment, label)` for each use, in one experiment or in all compiled here.
    """
    indexes = sorted(layout.experiments.glob("*.json"))
    if experiment is not None:
        indexes = [layout.index(experiment)]
    places = []
    for path in indexes:
        labels = _labels(path, key)
        places += [(path.stem, label) for label in labels]
    return places


def _labels(path: Path, key: str) -> list[str]:
    """What an experiment calls its uses of a stage; nothing of an index that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
        if key not in text:  # most are not parsed: a stage of a sweep runs beside hundreds of them
            return []
        stages = Index.parse(parse_json(text)).stages
    except (OSError, ValueError):
        return []
    return [use.label for stage in stages if stage.key == key for use in stage.uses]

"""Runs one stage: lock, adopt or execute in scratch, publish. This is what the `cmd` of every `dvc.yaml` calls."""

from __future__ import annotations

import json
import os
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.core.running import current
from dataenvgym_spec.execute.context import Context, PortRead, say
from dataenvgym_spec.execute.pass_through import pass_through, stopped
from dataenvgym_spec.execute.table import executor
from dataenvgym_spec.graph.ir import Input, Stage
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from dataenvgym_spec.store.scratch import Scratch, clean, scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A stage whose result is published, and the experiments that it is part of."""

    kind: str
    experiments: tuple[str, ...]


def run_stage(layout: Layout, directory: str) -> Finished:
    """Makes the result of one stage lie in its directory.

    Returns:
        What was made, for the caller who brings tracking up to date.

    Raises:
        StageError: the stage's files are damaged or its work failed.
        UserError: something it needs is not there.
    """
    content = read_stage(layout, directory)
    run = current(os.environ)
    places = uses(layout, content["key"], run.experiment if run else None)
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    say(f"== {': '.join(places[0])}{more}" if places else f"== {directory}")
    clean(layout)
    space = scratch(layout, directory)
    with held(
        layout.lock(directory),
        waiting=lambda holder: say(
            f"  waiting for {holder or 'another run'}, which makes the same result"
        ),
    ):
        if space.adoptable(content["key"]):
            say("  adopted: a finished result was found, nothing is made again")
        else:
            execute(layout, content, space)
        space.publish()
    experiments = sorted({experiment for experiment, _ in places})
    return Finished(kind=content["kind"], experiments=tuple(experiments))


def read_stage(layout: Layout, directory: str) -> dict[str, Any]:
    """Reads and verifies `stage.json`.

    Raises:
        StageError: it is missing, damaged, or its content does not give its key.
    """
    path = layout.stage(directory) / "stage.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        given = {name: content[name] for name in ("kind", "semantics", "params", "inputs")}
        whole = content["key"] == digest("stage", given) and directory.endswith(content["key"][:16])
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise StageError(
            f"'{path.relative_to(layout.root)}' is damaged: it does not give its key",
            help="run: dataenvgym compile",
        )
    declared = Stage(id="", kind=content["kind"], params=content["params"]).declaration.semantics
    if content["semantics"] != declared:
        message = f"'{directory}' was compiled for version {content['semantics']} of '{content['kind']}', but version {declared} is installed"
        raise StageError(message, help="run: dataenvgym compile")
    return content


def execute(layout: Layout, content: dict[str, Any], space: Scratch) -> None:
    """Executes a stage in scratch and marks its result complete."""
    started = time.time()
    stage = Stage(
        id=content["key"],
        kind=content["kind"],
        params=content["params"],
        inputs=tuple(Input(slot=s, stage=k, port=p) for s, k, p in content["inputs"]),
    )
    space.begin(stage.ports)
    context = Context(
        key=stage.id,
        params=stage.params,
        reads=tuple(_read(layout, content, item) for item in stage.inputs),
        files={name: layout.root / path for name, path in content["files"].items()},
        out_folder=space.out,
        log=space.log,
        work=space.work,
        say=say,
    )
    trace = space.path / "failure.txt"
    trace.unlink(missing_ok=True)
    try:
        with context.phase("imports"):
            function = (
                pass_through(stage.kind) if stopped(layout, content) else executor(stage.kind)
            )
        function(context)
    except UserError as error:
        trace.write_text(f"{error.message}\n", encoding="utf-8")
        raise
    except Exception as error:
        trace.write_text(traceback.format_exc(), encoding="utf-8")
        shown = trace.relative_to(layout.root)
        raise StageError(
            f"{type(error).__name__}: {error}",
            help=f"the whole story is in {shown}; what was finished is kept",
        ) from error
    context.write_log(started)
    space.complete(stage.id)
    say(f"  done in {time.time() - started:.1f} s")


def _read(layout: Layout, content: dict[str, Any], item: Input) -> PortRead:
    path = layout.stage(content["reads"][item.stage]) / "out" / item.port
    if not path.is_dir():
        raise StageError(
            f"'{path.relative_to(layout.root)}' is missing",
            help="run: dvc repro NAME, which makes it first, or: dvc pull",
        )
    return PortRead(slot=item.slot, port=item.port, path=path, key=item.stage)


def uses(layout: Layout, key: str, experiment: str | None) -> list[tuple[str, str]]:
    """Where a stage stands: `(experiment, label)` for each use in one experiment, or in all that are compiled here."""
    found = []
    for path in (
        [layout.index(experiment)] if experiment else sorted(layout.experiments.glob("*.json"))
    ):
        try:
            text = path.read_text(encoding="utf-8")
            stages = json.loads(text)["stages"] if key in text else []
        except (OSError, ValueError, KeyError):
            continue
        found += [
            (path.stem, use["label"]) for row in stages if row["key"] == key for use in row["uses"]
        ]
    return found


def stage_of(folder: Path, layout: Layout) -> str:
    """The stage directory that a working directory is.

    Raises:
        UserError: it is none.
    """
    if folder.parent != layout.store or not (folder / "stage.json").exists():
        raise UserError(
            f"'{folder}' is no stage directory",
            help="this command is run by DVC; run: dvc repro NAME",
        )
    return folder.name

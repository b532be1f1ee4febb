"""`dataenvgym replicate`."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import click

from dataenvgym_spec.cli.common import as_json, layout_here, plural, print_json, warn_of_edits
from dataenvgym_spec.cli.elsewhere import remedy
from dataenvgym_spec.cli.foreseen import foreseen, foreseen_lines, foreseen_record
from dataenvgym_spec.cli.replicas import lines, record
from dataenvgym_spec.core.errors import StageError, UserError, suggest
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.records.replicas import Replica
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.noise import noise_floor
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.setup.hardware.leases import clone_lock
from dataenvgym_spec.store.layout import Layout

MODULE: Final = "dataenvgym_spec.execute.replica"


@click.command("replicate")
@click.argument("name")
@click.option(
    "--stages",
    "patterns",
    metavar="GLOB",
    multiple=True,
    help="Kinds or directories of the store: train, 'evaluate-*'. Can be repeated.",
)
@click.option("--arm", help="Stages of this arm only.")
@click.option("--seed", type=int, help="Stages of this run seed only.")
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="N of them, the same each time."
)
@click.option("--dry-run", is_flag=True, help="Say what that would take, and compute nothing.")
@as_json
def command(
    name: str,
    patterns: tuple[str, ...],
    arm: str | None,
    seed: int | None,
    sample: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Compute stages of an experiment again, beside their results, and say what is equal: bytes
    where they are promised, scores where they are not.

    Each stage works on what the store holds for it, in a folder below .dataenvgym, of which only
    what differs is kept. The store, DVC and MLflow are not touched, and no teacher is asked:
    answers come from the journal, and a stage that lacks one is skipped.
    A student that a training gives otherwise answers selection beside the one in the store.
    Exit code 1 where promised bytes are not equal, or a stage fails.

    \b
    Example:
      dataenvgym replicate quickstart --stages data --stages check
      dataenvgym replicate quickstart --arm with-state --sample 5
    """
    layout = layout_here()
    results = load(name, layout.root)
    warn_of_edits(results)
    chosen = _chosen(results, patterns, arm, seed)
    if sample is not None and sample < len(chosen):
        # The order of the stages stays that of the pipeline.
        kept = set(random.Random(0).sample(range(len(chosen)), sample))
        chosen = [stage for number, stage in enumerate(chosen) if number in kept]
    before = foreseen(results, chosen)
    if dry_run and as_json:
        print_json(foreseen_record(before))
    elif not as_json:
        for line in foreseen_lines(before):
            click.echo(line, err=not dry_run)
    if dry_run:
        return 0
    replicas = []
    for replica in _replicated(layout, name, chosen):
        replicas.append(replica)
        if not as_json:
            done = f"{len(replicas)}/{len(chosen)}"
            click.echo(f"  {done} {replica.label}: {replica.outcome}", err=True)
    if as_json:
        print_json(record(replicas, noise_floor(results)))
    else:
        for line in lines(replicas, noise_floor(results)):
            click.echo(line)
    return int(any(replica.broken for replica in replicas))


def _chosen(
    results: Results, patterns: Sequence[str], arm: str | None, seed: int | None
) -> list[StageResult]:
    """The finished stages that were asked for.

    Raises:
        UserError: there is none.
    """
    index = results.index
    if arm is not None and arm not in index.arms:
        raise UserError(f"'{index.name}' has no arm '{arm}'", help=suggest(arm, index.arms))
    if seed is not None and seed not in index.seeds:
        seeds = ", ".join(map(str, index.seeds))
        raise UserError(f"'{index.name}' has no run seed {seed}", help=f"it has: {seeds}")
    named = [stage for stage in results.stages if _is_named(stage, patterns)]
    used = [stage for stage in named if _is_used(stage, arm, seed)]
    done = [stage for stage in used if stage.done]
    if done:
        return done
    if used:
        message = f"none of the {plural(len(used), 'stage')} is done here"
        raise UserError(message, help=remedy(results))
    kinds = ", ".join(dict.fromkeys(stage.kind for stage in results.stages))
    raise UserError("no stage is meant by that", help=f"there are stages of: {kinds}")


def _is_named(stage: StageResult, patterns: Sequence[str]) -> bool:
    names = (stage.kind, stage.path.name)
    matches = (fnmatchcase(name, pattern) for name in names for pattern in patterns)
    return not patterns or any(matches)


def _is_used(stage: StageResult, arm: str | None, seed: int | None) -> bool:
    return any(arm in (None, use.arm) and seed in (None, use.seed) for use in stage.uses)


def _replicated(layout: Layout, name: str, stages: Iterable[StageResult]) -> Iterator[Replica]:
    """Has a process of its own compute stages, and gives each as soon as it is compared.

    Raises:
        UserError: another process replicates this experiment.
        StageError: the process ended before it was through.
    """
    folder = layout.private / "replicas" / name
    waiting = [stage.path.name for stage in stages]
    with clone_lock(layout, f"replicate-{name}") as free:
        if not free:
            message = f"'{name}' is being replicated by another process"
            raise UserError(message, help="wait until it has ended")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = folder / "stages.txt"
        count = 0
        for line in _lines(layout, name, folder, log, waiting):
            count += 1
            yield Replica.parse(parse_json(line))
        if count < len(waiting):
            message = f"'{waiting[count]}' ended its process"
            raise StageError(message, help=f"see {log.relative_to(layout.root)}")


def _lines(
    layout: Layout, name: str, folder: Path, log: Path, waiting: Sequence[str]
) -> Iterator[str]:
    """What the process says, line by line; what stages print goes into a file."""
    reading, writing = os.pipe()
    told = f"/dev/fd/{writing}"
    command = [sys.executable, "-m", MODULE, str(layout.root), name, str(folder), told, *waiting]
    # Sets have one order in all processes that run stages, which results show.
    environ = {**os.environ, **STEADY}
    with log.open("wb") as file, open(reading, encoding="utf-8") as lines:  # noqa: PTH123
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            pass_fds=(writing,),
            env=environ,
            cwd=layout.root,
        )
        os.close(writing)
        try:
            yield from lines
            process.wait()
        finally:
            # Ctrl-C, or a reader that has left.
            process.kill()
            process.wait()

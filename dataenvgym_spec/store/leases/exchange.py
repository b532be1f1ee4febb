"""Carries a result from one clone to another, through the remote of DVC that both have.

The clone that made it pushes it, and writes what DVC's lock says of it into the lease's log; the
other one pulls it by that. Both do so in a repository of their own beside the stage, which has its
outputs alone: DVC is at work in the clone itself at this moment.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.store.dvc.apart import apart
from dataenvgym_spec.store.dvc.quietly import dvc
from dataenvgym_spec.store.dvc.state import lock_in
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import Scratch

STAGE: Final = "result"
"""The name of the only stage of such a repository."""


def pushed(layout: Layout, space: Scratch, directory: str) -> str:
    """Pushes a complete result; returns what DVC's lock says of it.

    Raises:
        StageError: that failed; the result is kept.
    """
    outs = _outs(space)
    with _apart(layout, directory, outs) as folder:
        for out in outs:
            shutil.copytree(space.path / out, folder / out)
        for command in (("commit", "--quiet", "--force"), ("push", "--quiet")):
            said = dvc(folder, *command)
            if said is not None:
                message = f"what other clones wait for cannot be pushed: {said}"
                help = "check the remote (dvc remote list), and run again: the result is kept"
                raise StageError(message, help=help)
        return (folder / "dvc.lock").read_text(encoding="utf-8")


def fetched(layout: Layout, space: Scratch, directory: str, lock: str) -> bool:
    """Pulls a result of another clone into scratch; returns whether the remote has it still."""
    parsed = lock_in(lock, STAGE, Path("dvc.lock"))
    outs = sorted(parsed.outs) if parsed is not None else []
    if not outs or not all(map(_is_out, outs)):
        return False
    with _apart(layout, directory, outs) as folder:
        (folder / "dvc.lock").write_text(lock, encoding="utf-8")
        if dvc(folder, "pull", "--quiet") is not None:
            return False
        for name in ("out", "log"):
            shutil.rmtree(space.path / name, ignore_errors=True)
            (folder / name).rename(space.path / name)
    return True


def _outs(space: Scratch) -> list[str]:
    """What a result consists of, as DVC names it."""
    return ["log", *(f"out/{port.name}" for port in sorted(space.out.iterdir()))]


def _is_out(name: str) -> bool:
    """Whether a name is one of a result: what another clone wrote leads nowhere else."""
    folder, _, port = name.partition("/")
    return name == "log" or (folder == "out" and port not in ("", "..") and "/" not in port)


@contextmanager
def _apart(layout: Layout, directory: str, outs: Iterable[str]) -> Iterator[Path]:
    """A repository of DVC that has the outputs of a stage, and the cache of the clone."""
    # Copies: what DVC links to its cache it makes read-only.
    with apart(layout, links="copy") as folder:
        stage = {"cmd": directory, "outs": list(outs)}
        pipeline = json.dumps({"stages": {STAGE: stage}})  # which is YAML, too
        (folder / "dvc.yaml").write_text(pipeline, encoding="utf-8")
        yield folder

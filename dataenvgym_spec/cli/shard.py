"""`dataenvgym shard`: what a run calls for each process that shares a stage. Not for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from dataenvgym_spec.cli.stage import ask_nobody, be_steady, root
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

COUNTS: Final = 2


def run(*arguments: str) -> int:
    """Does a shard of the stage that the working directory is.

    Args:
        arguments: its number, from 1 on, and how many there are.

    Returns:
        The exit code.

    Raises:
        UserError: no run would call it so.
    """
    if len(arguments) != COUNTS or not all(word.isdecimal() for word in arguments):
        raise UserError("this command is for a run", help="run: dataenvgym run NAME --jobs N")
    number, count = map(int, arguments)
    die_with_parent()
    ask_nobody()
    layout = Layout(root=root())
    from dataenvgym_spec.execute.content import read_stage, stage_of
    from dataenvgym_spec.execute.warm.client import delegate_shard
    from dataenvgym_spec.schedule.parcels.stays import restorable

    directory = stage_of(Path.cwd(), layout)
    if "DATAENVGYM_LIMITS" in os.environ:
        from dataenvgym_spec.questions.cost.guard import guard

        guard(layout, os.environ)
    if restorable(layout, directory):
        print("  nothing to do: DVC's cache has the result", flush=True)
        return 0
    code = delegate_shard(layout, read_stage(layout, directory), directory, number, count)
    if code is not None:
        return code
    be_steady()
    from dataenvgym_spec.execute.shards.part import Part
    from dataenvgym_spec.execute.shards.run import run_shard

    run_shard(layout, directory, Part(number=number, count=count))
    return 0

"""Has a teacher asked in a server that is kept for all stages of a run.

A teacher that is a model is loaded by the first stage that asks it, and the others find it loaded:
the process that keeps it is in `keeper`. Several stages may ask it at once. What it answers is
kept in the journal as ever; keys, results and locks are the same without it
(`DATAENVGYM_ENGINES=0`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import MachineFault
from dataenvgym_spec.execute.described import determining
from dataenvgym_spec.execute.warm.kept import TRIES, answer, fit, place, reached, release
from dataenvgym_spec.gym.make import Described
from dataenvgym_spec.gym.teachers.server import Running, Server, Starts
from dataenvgym_spec.language.components import definition

KEEPER: Final = "dataenvgym_spec.execute.warm.keeper"


class Kept:
    """A server that another process keeps; `Running`.

    Raises:
        StageError: it did not start.
        EOFError: what keeps it has ended.
    """

    def __init__(self, connection: Connection, start: tuple[list[str], list[str], str]) -> None:
        self._connection = connection
        self.port, self.key = answer(connection, start)

    def fault(self) -> StageError | None:
        """That it ended by itself; None if it runs."""
        try:
            answer(self._connection, None)
        except StageError as error:
            return error
        except (EOFError, ConnectionError):
            return MachineFault("the process that keeps the server of a teacher ended")
        return None

    def close(self) -> None:
        """Leaves it to the stages that come."""
        self._connection.close()


def starts(teacher: Described) -> Starts:
    """What starts the server of a teacher, or finds the one that is kept.

    Args:
        teacher: the component, as it is arranged on this machine.
    """
    return partial(_start, _identity(teacher))


def make_room(
    teachers: Iterable[Described], environ: Mapping[str, str], *, gpus: bool = True
) -> None:
    """Ends what a run keeps where a stage needs the room, but for the servers that it will ask.

    Args:
        teachers: what the stage may ask, as it is arranged on this machine.
        environ: names the worker of the run, and the GPUs.
        gpus: whether the stage needs the GPUs of this process, and not main memory alone.
    """
    served = [one for one in teachers if definition(one.slot, one.kind).kept is not None]
    but = [place(environ, "server", _identity(one)) for one in served]
    if gpus:
        release(environ, but)
    fit(environ, but)


def _identity(teacher: Described) -> list[Any]:
    """What tells the server of one teacher from that of another: not how it draws its answers."""
    models = [determining(part) for part in teacher.parts.values() if part.slot == "model"]
    options = definition(teacher.slot, teacher.kind).kept or ()
    return [teacher.kind, models, {name: teacher.options.get(name) for name in options}]


def _start(
    identity: list[Any], program: Sequence[str], arguments: Sequence[str], model: Path
) -> Running:
    at = place(os.environ, "server", identity)
    for _ in range(TRIES):
        connection = None if at is None else reached(at, KEEPER)
        if connection is None:
            break
        with suppress(EOFError, ConnectionError), ExitStack() as stack:
            stack.enter_context(connection)
            kept = Kept(connection, ([*program], [*arguments], str(model)))
            stack.pop_all()
            return kept
    return Server(program, arguments, model)

"""Has an evaluation answered by an engine that is kept: the model is loaded once, adapters change.

Loading a model is most of a small evaluation, and of all evaluations of a study the base model is
the same. The process that keeps it is in `holder`; it serves one evaluation after the other, and
what it answers is byte for byte what an engine that is started for one evaluation answers. Keys,
results and locks are the same without it (`DATAENVGYM_ENGINES=0`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.faults import MachineFault
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.core.variables import ENGINES
from dataenvgym_spec.execute.warm.client import IMPORTED
from dataenvgym_spec.execute.warm.kept import TRIES, answer, fit, place, reached, release
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.loading import parts
from dataenvgym_spec.gym.students.backends.protocol import (
    Backend,
    Completion,
    GenerationSettings,
)
from dataenvgym_spec.language.components import definition

FREELY: Final = "freely"
"""What a backend declares that takes adapters of any shape, or none, one after the other."""
HOLDER: Final = "dataenvgym_spec.execute.warm.holder"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, as it is asked for.

    Attributes:
        backend: the component.
        settings: how it generates.
        content: identifies what the base model holds.
        model: its folder, which may be another one the next time.
        files: the user's, by digest.
    """

    backend: dict[str, Any]
    settings: dict[str, Any]
    content: str
    model: str
    files: dict[str, str]


class Ended(MachineFault):
    """The process that keeps an engine ended without an answer."""


class Kept:
    """An engine that another process keeps, for one evaluation; a `Backend`."""

    def __init__(self, connection: Connection, wanted: Wanted, adapter: Path | None) -> None:
        self._connection = connection
        self.device, self.gpus, self.threads = self._ask(wanted, adapter and str(adapter))

    def generate(
        self, prompts: Sequence[Prompt | str], seeds: Sequence[int] = ()
    ) -> list[Completion]:
        """Completes prompts, in their order."""
        completions: list[Completion] = self._ask(list(prompts), list(seeds))
        return completions

    def groups(self, prompts: Sequence[Prompt | str]) -> list[list[int]]:
        """Which prompts are generated side by side; of a backend that says so."""
        groups: list[list[int]] = self._ask(list(prompts), None)
        return groups

    def _ask(self, *request: Any) -> Any:
        try:
            return answer(self._connection, request)
        except (EOFError, ConnectionError) as error:
            help = f"was it killed for lack of memory? {ENGINES}=0 loads a student for each stage"
            raise Ended("the process that keeps the engine ended", help=help) from error


@contextmanager
def kept_engine(
    component: Component,
    *,
    settings: GenerationSettings,
    student: Path,
    base: Path | None,
    content: str | None,
    files: Mapping[str, Path],
) -> Iterator[Backend | None]:
    """A student in an engine that is kept for the run; None if this process has to load it itself.

    On a GPU whatever else the run keeps there ends first; so does what main memory has no room for.

    Args:
        component: the backend.
        settings: how it generates.
        student: folder of a model, or of an adapter.
        base: the model that an adapter adapts.
        content: identifies what that, or the base itself where it is asked, holds. None of a model
            that is no base, or where nobody has worked it out, or none is to be kept.
        files: where the files lie that its options name by digest.
    """
    model, adapter = parts(student, base)
    at = wanted = None
    if content and definition(component.slot, component.kind).adapts:
        wanted = Wanted(
            backend=component.plain(),
            settings=settings.plain(),
            content=content,
            model=str(model.resolve()),
            files={name: str(path.resolve()) for name, path in files.items()},
        )
        at = _place(wanted, adapter)
    if gpu_count():
        release(os.environ, but=(at,))
    fit(os.environ, but=(at,))
    with ExitStack() as stack:
        if at is None or wanted is None:
            yield None
        else:
            yield _brought(stack, at, wanted, adapter and adapter.resolve())


def _brought(stack: ExitStack, at: Path, wanted: Wanted, adapter: Path | None) -> Kept | None:
    """An adapter, or none, in the engine that is kept at a place; None if none can be kept."""
    imported = IMPORTED.issuperset(definition("backend", wanted.backend["kind"]).packages)
    for _ in range(TRIES):
        connection = reached(at, HOLDER, imported=imported)
        if connection is None:
            return None
        stack.enter_context(connection)
        with suppress(Ended):
            return Kept(connection, wanted, adapter)
    return None


def _place(wanted: Wanted, adapter: Path | None) -> Path | None:
    """Where the process listens that keeps an engine; None where none is kept.

    Args:
        wanted: the engine.
        adapter: folder of one of its adapters; None for the model itself.
    """
    # Not where it lies: a machine of a cluster has the model in another folder for each stage.
    named = [wanted.backend, wanted.settings, wanted.content, sorted(wanted.files)]
    return place(os.environ, "engine", named, _shape(wanted, adapter))


def _shape(wanted: Wanted, adapter: Path | None) -> str | None:
    """What of an adapter an engine is made for; of one that takes any, nothing."""
    kind = wanted.backend["kind"]
    if adapter is None or definition("backend", kind).adapts == FREELY:
        return None
    return (adapter / "adapter_config.json").read_text(encoding="utf-8")

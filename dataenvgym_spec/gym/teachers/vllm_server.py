"""A teacher that runs in a server of its own, `vllm serve`, which a stage starts if need be."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.gym.students.backends.serving import Serving
from dataenvgym_spec.gym.students.models.protocol import Existing
from dataenvgym_spec.gym.teachers.chat import Dialect, Settings
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.remote import HttpTeacher
from dataenvgym_spec.gym.teachers.server import Running, Server, Starts, target
from dataenvgym_spec.gym.teachers.vllm import name_of

SERVING: Final = "vllm.entrypoints.openai.api_server"
"""What `vllm serve` starts; that command looks for a distribution of its own name, which the build
for CPUs has not."""
SHAPES: Final = {"backend": "xgrammar", "disable_any_whitespace": True}
"""See `students.backends.vllm_engine.SHAPES`."""


class VllmServerTeacher(HttpTeacher):
    """Asks a server on this machine, which is started when the first question comes.

    Attributes:
        device: where it runs, once it does.
        gpus: over how many GPUs it is split, where it runs on one.
        program: what is started, up to its arguments.
        starts: starts it, or finds one that a run keeps for all of its stages.
    """

    program: ClassVar[tuple[str, ...]] = (sys.executable, "-m", SERVING)
    starts: Starts = Server

    def __init__(self, *, model: Existing, dtype: str, **options: Any) -> None:
        self.model, self.dtype = model, dtype
        self.settings = Settings(model="teacher", provider="", **options)
        self.dialect = Dialect()
        self.device: str | None = None
        self.gpus = 1
        self._server: Running | None = None

    def together(self, asks: Sequence[Ask]) -> Iterator[Sequence[Reply]]:
        """The replies that came together; see `HttpTeacher`.

        Raises:
            StageError: the server does not start, fails, or refuses to work.
        """
        if self._server is None:
            folder = self.model.find().folder
            self.device = "cuda" if gpu_count() else "cpu"
            self.gpus = Serving.of(os.environ).gpus
            program = [*self.program, f"--model={folder}"]
            self._server = self.starts(program, self._arguments(), folder)
            self.target = target(self._server, name_of(self.model))
        try:
            yield from super().together(asks)
        except StageError as error:
            # Nobody listens: its log says why.
            raise self._server.fault() or error from None

    def close(self) -> None:
        """Ends the server, or leaves it to the run that keeps it."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _arguments(self) -> list[str]:
        arguments = [f"--dtype={self.dtype}", f"--served-model-name={self.settings.model}"]
        arguments += [f"--max-num-seqs={self.settings.concurrency}", "--enforce-eager"]
        arguments += ["--generation-config=vllm"]
        arguments += [f"--structured-outputs-config={json.dumps(SHAPES)}"]
        if self.device == "cpu":  # see `students.backends.vllm_engine`
            arguments.append("--no-enable-chunked-prefill")
        for name, value in Serving.of(os.environ).options().items():
            arguments.append(f"--{name.replace('_', '-')}={value}")
        return arguments

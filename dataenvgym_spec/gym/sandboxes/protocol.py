"""What a sandbox is: it runs what a model wrote, or what reads it, where neither can do harm.

A student's program may delete files, open connections or never end, and a library that parses a
student's answer may hang on it. A sandbox runs either in a child process that has no rights and can
be killed. A component that needs one declares an option for it (`"x-slot": "sandbox"`) and is
constructed with an instance.

An installed sandbox brings a class that satisfies `Sandbox` and, beside it, the JSON definition of
its options, which the class takes as keyword arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Ending = Literal["returned", "failed", "timeout", "memory", "output", "refused"]
"""How a child ended.

It came to its end (exit code 0, or a value), failed (another exit code, an exception, a signal of
its own), was killed at a limit of time, memory or output, or tried what the sandbox forbids.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """What a child may use; at the first limit that it passes it is killed with all it started.

    Attributes:
        seconds: of wall time.
        memory: in bytes.
        output: in bytes, of each of its two streams.
        processes: that it may have at once, itself included.
    """

    seconds: float = 10.0
    memory: int = 1 << 30
    output: int = 1 << 20
    processes: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run.

    Attributes:
        command: the program and its arguments; `python` is the sandbox's interpreter.
        files: texts that stand in its working directory, by relative path.
        stdin: what it reads.
    """

    command: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOutcome:
    """What became of a child.

    Attributes:
        ending: how it ended; everything else is about what it did until then.
        code: its exit code; None if it was killed.
        stdout: what it wrote, cut at the limit. Bytes that are not UTF-8 are replaced.
        stderr: the same of its other stream.
        value: what a function returned; None for a program.
        seconds: of wall time.
    """

    ending: Ending
    code: int | None = None
    stdout: str = ""
    stderr: str = ""
    value: Any = None
    seconds: float = 0.0


class Sandbox(Protocol):
    """Runs programs and functions without rights.

    A child has no network, sees no file of the user and no variable of the environment, can write
    nowhere but into its own working directory, which is removed afterwards, and cannot outlive this
    process. Whatever the child does is an `SandboxOutcome`; an exception means that the sandbox
    itself does not work.
    """

    def run(self, program: Program, limits: SandboxLimits) -> SandboxOutcome:
        """Runs a program.

        Raises:
            UserError: this machine cannot run it without rights.
        """

    def judge(
        self, function: str, arguments: Mapping[str, Any], limits: SandboxLimits
    ) -> SandboxOutcome:
        """Calls an installed function in a child: for a library that may hang on a text.

        Args:
            function: as `package.module:name`; it is imported in the child.
            arguments: by name, as JSON values. So is what the function returns.
            limits: what the child may use.

        Raises:
            UserError: this machine cannot run it without rights.
        """

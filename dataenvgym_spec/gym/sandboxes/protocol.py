"""What a sandbox is: it runs what a model wrote, or what reads it, where neither can do harm.

A student's program may delete files, open connections or never end, and a library that parses a
student's answer may hang on it, or evaluate it. A sandbox runs either in a child process that has
no rights and can be killed. A component that runs programs declares an option for it
(`"x-slot": "sandbox"`) and is constructed with an instance; a scorer without one is itself run in
the standard sandbox (see `tasks.judging`).

An installed sandbox brings a class that satisfies `Sandbox` and, beside it, the JSON definition of
its options, which the class takes as keyword arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        cpu: of processor time, in seconds; as much as of wall time if None. On a busy machine the
            one is over long before the other.
        memory: in bytes.
        output: in bytes, of each of its two streams, or of what a function returns.
        processes: that it may have at once, itself included: 1 is held to, and of more their time
            and memory are bounded, not their number.
    """

    seconds: float = 10.0
    cpu: float | None = None
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
class Judgement:
    """A function that judges texts, and how it is made.

    Attributes:
        maker: an installed function, as `package.module:name`. It is imported and called once,
            before any text is there; what it returns judges the texts.
        arguments: of the maker, by name, as JSON values.
        executes: whether the texts are programs. The function is then handed `programs` besides
            (see `programs.Programs`), by which it starts them in processes of their own.
    """

    maker: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    executes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a function that judges.

    Attributes:
        arguments: by name, as JSON values.
        computed: whether a program made all of it, as a generator makes its answers: such calls
            may share a child. What a model or a person wrote may not.
    """

    arguments: Mapping[str, Any]
    computed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOutcome:
    """What became of a child.

    Attributes:
        ending: how it ended; everything else is about what it did until then.
        code: its exit code; None if it was killed.
        stdout: what it wrote, cut at the limit. Bytes that are not UTF-8 are replaced.
        stderr: the same of its other stream; of a function, the exception that it raised.
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
        self, judgement: Judgement, calls: Sequence[Call], limits: SandboxLimits
    ) -> list[SandboxOutcome]:
        """Calls an installed function in children, for a library that may hang on a text.

        Each call has a child of its own, which has imported the library before; computed ones may
        share one. No child can read, signal or change another. A program that a call starts has
        again a process of its own, in which there is nothing of what the call was given.

        Args:
            judgement: the function.
            calls: what it is called with. What it returns is a JSON value.
            limits: what each child may use.

        Returns:
            One outcome a call, in their order.

        Raises:
            UserError: this machine cannot run it without rights.
            StageError: the function cannot be made.
        """

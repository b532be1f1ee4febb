"""Does the program in an example's answer run?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.sandboxes.isolated import Isolated
from dataenvgym_spec.gym.sandboxes.programs import ProgramEnded, ProgramRaised, Programs
from dataenvgym_spec.gym.sandboxes.protocol import (
    Call,
    Judgement,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
)
from dataenvgym_spec.gym.tasks.scorers.program_tests import Examination, Rules
from dataenvgym_spec.gym.tasks.scorers.program_text import Which, completed, program_of
from dataenvgym_spec.gym.tasks.scorers.programs import OUTPUT
from dataenvgym_spec.gym.tasks.scoring import EXECUTING
from dataenvgym_spec.records.examples import Example

TOTAL: Final = 60.0
"""Wall time of all tests of a program, in seconds."""
LIMITS: Final = {
    "timeout": "takes too long",
    "memory": "takes too much memory",
    "output": "writes too much",
}
"""What is said of a program that passed a limit."""

Executing = Callable[..., str | None]


class Executes:
    """Objects to examples whose program does not run, or fails their own tests.

    An example that a model wrote may have no tests. Then its program is executed to its end; one
    that waits for input is not objected to, since nobody can say what it would be.
    """

    def __init__(
        self, *, block: Which, seconds: float, memory: int, sandbox: Sandbox | None = None
    ) -> None:
        self.sandbox = Isolated() if sandbox is None else sandbox
        arguments = {"block": block, "seconds": seconds, "memory": memory}
        self.judgement = Judgement(
            maker=f"{__name__}:executing", arguments=arguments, executes=True
        )

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        calls = []
        for example in examples:
            arguments = {"answer": example.target, "verifier": example.verifier}
            calls.append(Call(arguments=arguments))
        outcomes = self.sandbox.judge(self.judgement, calls, EXECUTING)
        return [_objection(outcome) for outcome in outcomes]


def _objection(outcome: SandboxOutcome) -> str | None:
    if outcome.ending != "returned":
        return f"its program cannot be executed: {outcome.stderr}"
    return None if outcome.value is None else str(outcome.value)


def executing(block: Which, seconds: float, memory: int) -> Executing:
    """Makes the function that executes one program, in a sandbox; arguments as of `Executes`."""
    limits = SandboxLimits(seconds=TOTAL, cpu=seconds, memory=memory << 20, output=OUTPUT)
    rules = Rules(limits=limits, total=TOTAL, tolerance=1e-6, all=False)

    def objection(answer: str, verifier: Mapping[str, Any], programs: Programs) -> str | None:
        program = program_of(answer, truncated=False, block=block, bare=True)
        if program is None:
            return "there is no program in its answer"
        source = completed(
            program, starter=verifier.get("starter", ""), entry=verifier.get("entry", "")
        )
        try:
            compile(source, "<program>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError) as error:
            return f"its program is not Python: {error}"
        if verifier.get("tests"):
            return _by_tests(Examination(programs, source, verifier, rules), verifier["tests"])
        return _by_itself(programs, source, limits)

    return objection


def _by_tests(examination: Examination, tests: Sequence[Mapping[str, Any]]) -> str | None:
    outcome = examination.outcome(tests)
    if outcome.ended is not None:
        return f"its program {LIMITS.get(outcome.ended, outcome.ended)}"
    if outcome.passed == outcome.of:
        return None
    return f"its program fails test {outcome.passed + 1} of {outcome.of}"


def _by_itself(programs: Programs, source: str, limits: SandboxLimits) -> str | None:
    try:
        programs.define((source,), limits).close()
    except ProgramEnded as ended:
        return f"its program {LIMITS.get(ended.ending, 'ends before it can be called')}"
    except ProgramRaised as raised:
        return None if raised.name == "EOFError" else f"its program raises {raised}"
    return None

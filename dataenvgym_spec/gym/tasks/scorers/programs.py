"""Programs, by the tests that an item carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dataenvgym_spec.gym.sandboxes.programs import Programs as Starting
from dataenvgym_spec.gym.sandboxes.protocol import Sandbox, SandboxLimits
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.program_tests import Examination, Outcome, Rules
from dataenvgym_spec.gym.tasks.scorers.program_text import Which, completed, program_of
from dataenvgym_spec.records.items import Item

OUTPUT = 1 << 22
"""What a program may write, or return, in bytes."""


class Programs:
    """Right when the program in the answer passes the tests of the item.

    Args of the constructor are the options of its definition. Which part of an answer is its
    program says `program_text`; an item's verifier holds the tests:

    - `tests`: a list; each has `arguments` and the `value` that the function returns, or `stdin`
      and the `stdout` that is expected, or code: an `assert` that calls functions of the program,
      or a `check` that defines a function `check(candidate)`. `public` says that a prompt may show
      it.
    - `entry`: the function that is asked for; `starter`: the code that its question begins;
      `setup`: code that the tests need; `prelude`: whether the program finds the usual imports.
    """

    def __init__(
        self,
        *,
        block: Which,
        unfenced: bool,
        tests: Literal["all", "public", "private"],
        partial: bool,
        tolerance: float,
        seconds: float,
        seconds_in_all: float,
        memory: int,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.block, self.unfenced, self.tests, self.partial = block, unfenced, tests, partial
        limits = SandboxLimits(
            seconds=seconds_in_all, cpu=seconds, memory=memory << 20, output=OUTPUT
        )
        self.rules = Rules(limits=limits, total=seconds_in_all, tolerance=tolerance, all=partial)
        self.sandbox = sandbox

    def score(
        self, answers: Sequence[tuple[Item, Answer]], programs: Starting | None = None
    ) -> list[Score]:
        """Scores a batch of answers.

        Args:
            answers: items and answers.
            programs: what starts programs; see `Judgement.executes`.

        Raises:
            ValueError: nothing starts them, or an item has no tests.
        """
        if programs is None:
            raise ValueError("programs are executed in a sandbox alone")
        return [self._score(item, answer, programs) for item, answer in answers]

    def _score(self, item: Item, answer: Answer, programs: Starting) -> Score:
        verifier = item.verifier
        tests = [test for test in verifier.get("tests", ()) if self._counts(test)]
        if not tests:
            raise ValueError("the item has no tests")
        program = program_of(
            answer.text, truncated=answer.truncated, block=self.block, bare=self.unfenced
        )
        if program is None:
            return Score(value=0.0, parsed=False)
        source = completed(
            program, starter=verifier.get("starter", ""), entry=verifier.get("entry", "")
        )
        try:
            compile(source, "<program>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return Score(value=0.0, parsed=False, cause="SyntaxError")
        return self._given(Examination(programs, source, verifier, self.rules).outcome(tests))

    def _counts(self, test: Mapping[str, Any]) -> bool:
        return self.tests == "all" or bool(test.get("public")) == (self.tests == "public")

    def _given(self, outcome: Outcome) -> Score:
        value = outcome.passed / outcome.of
        if not self.partial:
            value = float(outcome.passed == outcome.of)
        # One that passed a limit is unreadable, as with every scorer.
        read = outcome.ended is None or value > 0
        return Score(value=value, parsed=read, cause=None if read else outcome.ended)

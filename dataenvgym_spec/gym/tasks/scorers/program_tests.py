"""Tests of programs: what an item's verifier holds, and how a program is put to them.

The tests are judged here. A program sees one input after the other, in a process of its own, and
never what is expected of it.
"""

from __future__ import annotations

import ast
import builtins
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dataenvgym_spec.gym.sandboxes.programs import (
    Functions,
    ProgramEnded,
    ProgramRaised,
    Programs,
)
from dataenvgym_spec.gym.sandboxes.protocol import Ending, SandboxLimits

PRELUDE: Final = """
from typing import *
import array, bisect, cmath, collections, copy, datetime, fractions, functools, heapq, itertools
import io, json, math, operator, random, re, statistics, string, sys
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from builtins import *
"""
"""What a program finds imported whose verifier asks for it, as LeetCode's editor has it.

`operator` is not imported by star, as some harnesses do: a missing `add` would be found there.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How programs are tested.

    Attributes:
        limits: what a program may use, of processor time for each test.
        total: of wall time for all tests, in seconds.
        tolerance: how much numbers with a point may differ, in relation to what is expected; of
            numbers below 1, by itself.
        all: whether what follows a failed test is tried, too.
    """

    limits: SandboxLimits
    total: float
    tolerance: float
    all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the tests.

    Attributes:
        passed: how many were passed.
        of: how many there are.
        ended: how the program ended that passed a limit, if one did.
    """

    passed: int
    of: int
    ended: Ending | None = None


class Examination:
    """One program and its tests."""

    def __init__(
        self, programs: Programs, source: str, verifier: Mapping[str, Any], rules: Rules
    ) -> None:
        self.programs, self.rules, self.verifier = programs, rules, verifier
        self.sources = (PRELUDE, source) if verifier.get("prelude") else (source,)
        self._functions: Functions | None = None
        self._names: dict[str, Any] | None = None
        self._until = time.monotonic() + rules.total

    def outcome(self, tests: Sequence[Mapping[str, Any]]) -> Outcome:
        """Puts the program to tests, in their order."""
        passed, ended = 0, None
        for test in tests:
            try:
                good = self._passes(test)
            except ProgramEnded as error:
                good, ended = False, ended or error.ending
                self.close()
            passed += good
            if not good and not self.rules.all:
                break
        self.close()
        return Outcome(passed=passed, of=len(tests), ended=_limit(ended))

    def close(self) -> None:
        """Ends the program."""
        if self._functions is not None:
            self._functions.close()
        self._functions = None

    def _passes(self, test: Mapping[str, Any]) -> bool:
        if "stdin" in test:
            return self._writes(test)
        try:
            if "arguments" in test:
                value = self._function(self.verifier["entry"])(*test["arguments"])
                return equal(value, test["value"], self.rules.tolerance)
            return self._agrees(test)
        except ProgramEnded:
            raise
        # A test may raise what it likes about a value that is not what it asks for.
        except Exception:
            return False

    def _writes(self, test: Mapping[str, Any]) -> bool:
        """Whether the program writes what is expected for an input."""
        ran = self.programs.run(self.sources, test["stdin"], self._limits())
        return ran.code == 0 and same_text(ran.output, test["stdout"], self.rules.tolerance)

    def _agrees(self, test: Mapping[str, Any]) -> bool:
        """Whether a test that is code itself passes: a statement, or a function `check`."""
        names = dict(self._own_names())
        code = test.get("assert", test.get("check", ""))
        watched = _Watched(self)
        for name in _asked(code, names):
            names[name] = watched.function(name)
        entry = str(self.verifier.get("entry", ""))
        if entry:
            names[entry] = watched.function(entry)
        exec(compile(code, "<test>", "exec"), names)
        if "check" in test:
            names["check"](names[entry])
        # Whatever the test made of it.
        if watched.ended is not None:
            raise watched.ended
        return True

    def _own_names(self) -> dict[str, Any]:
        """The names that tests have besides those of the program."""
        if self._names is None:
            self._names = {"__name__": "tests"}
            exec(compile(self.verifier.get("setup", ""), "<setup>", "exec"), self._names)
        return self._names

    def _function(self, name: str) -> Any:
        return _Watched(self).function(name)

    def call(self, name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
        """Calls a function of the program, which is started if it is not running."""
        self._limits()
        if self._functions is None:
            self._functions = self.programs.define(self.sources, self._limits())
        return self._functions.call(name, arguments, options)

    def _limits(self) -> SandboxLimits:
        left = self._until - time.monotonic()
        if left <= 0:
            raise ProgramEnded("timeout")
        return replace(self.rules.limits, seconds=left)


class _Watched:
    """The functions of a program as a test sees them.

    Attributes:
        ended: what ended the program, which a test might overlook.
    """

    def __init__(self, examination: Examination) -> None:
        self.examination = examination
        self.ended: ProgramEnded | None = None

    def function(self, name: str) -> Any:
        """A function that hands its arguments to the program and returns what that says."""

        def called(*arguments: Any, **options: Any) -> Any:
            if self.ended is not None:
                raise self.ended
            try:
                return self.examination.call(name, arguments, options)
            except ProgramEnded as ended:
                self.ended = ended
                raise
            except ProgramRaised as raised:
                raise _exception(raised) from None

        called.__name__ = name
        return called


def _exception(raised: ProgramRaised) -> Exception:
    """The exception of Python that a program raised."""
    kind = getattr(builtins, raised.name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        with suppress(TypeError):
            return kind(raised.words)
    return RuntimeError(str(raised))


def _asked(code: str, names: Mapping[str, Any]) -> Iterator[str]:
    """The names that a test uses and nobody but the program can have."""
    tree = ast.parse(code)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in nodes if not isinstance(node.ctx, ast.Load)}
    for node in nodes:
        known = node.id in names or node.id in bound or hasattr(builtins, node.id)
        if isinstance(node.ctx, ast.Load) and not known:
            yield node.id


def _limit(ending: Ending | None) -> Ending | None:
    """The limit that ended a program; None if it ended by itself."""
    return None if ending == "failed" else ending


def equal(value: Any, expected: Any, tolerance: float) -> bool:
    """Whether a value is the expected one; lists and tuples are alike, since JSON has only lists.

    >>> equal((1, 2.0000000001), [1, 2.0], 1e-6), equal(1, 2, 1.0)
    (True, False)
    """
    if isinstance(value, list | tuple) and isinstance(expected, list | tuple):
        pairs = zip(value, expected, strict=False)
        return len(value) == len(expected) and all(equal(a, b, tolerance) for a, b in pairs)
    if isinstance(value, dict) and isinstance(expected, dict):
        alike = value.keys() == expected.keys()
        return alike and all(equal(value[key], expected[key], tolerance) for key in expected)
    if isinstance(value, float) or isinstance(expected, float):
        numbers = isinstance(value, int | float) and isinstance(expected, int | float)
        return numbers and _close(value, expected, tolerance)
    return bool(value == expected)


def _close(value: float, expected: float, tolerance: float) -> bool:
    if value == expected:
        return True
    if not (math.isfinite(value) and math.isfinite(expected)):
        return False
    return abs(value - expected) <= tolerance * max(1.0, abs(expected))


def same_text(written: str, expected: str, tolerance: float) -> bool:
    r"""Whether a program wrote what is expected.

    Lines are compared in their order, without the white space around them; empty ones at the end do
    not count. In a line the words are compared, and those that are numbers as such.

    >>> same_text("1.50 a \n\n", "1.5 a", 0.0), same_text("2 1", "1 2", 0.0)
    (True, False)
    """
    lines, wanted = _lines(written), _lines(expected)
    if len(lines) != len(wanted):
        return False
    return all(_same_line(a, b, tolerance) for a, b in zip(lines, wanted, strict=True))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def _same_line(line: str, wanted: str, tolerance: float) -> bool:
    if line == wanted:
        return True
    words, others = line.split(), wanted.split()
    if len(words) != len(others):
        return False
    return all(_same_word(a, b, tolerance) for a, b in zip(words, others, strict=True))


def _same_word(word: str, wanted: str, tolerance: float) -> bool:
    if word == wanted:
        return True
    try:
        one, other = Decimal(word), Decimal(wanted)
        if one == other:
            return True
        # Whole numbers are exact.
        inexact = "." in wanted or "e" in wanted.lower()
        return inexact and _close(float(one), float(other), tolerance)
    except (InvalidOperation, ValueError, OverflowError):
        return False

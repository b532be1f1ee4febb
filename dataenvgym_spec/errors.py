"""Diagnostics and failures: what goes wrong, where, and what to do. Nothing here reads files or prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Severity = Literal["error", "warning"]

CODES: Final[dict[str, str]] = {
    "E001": "the file cannot be read",
    "E002": "the text is not valid YAML",
    "E003": "the YAML uses a feature that a spec may not use",
    "E101": "duplicate key",
    "E102": "unknown key",
    "E103": "wrong type",
    "E104": "missing key",
    "E105": "unknown component",
    "E106": "value not allowed",
    "E201": "unknown reference",
    "E202": "a split cannot be drawn as asked",
    "E203": "a file named by the spec cannot be used",
    "E204": "a combination that cannot work",
    "E205": "two experiments with one name",
    "E206": "too much to compile",
    "E207": "parents that cannot be followed",
    "E208": "settings that fight",
    "E301": "a forbidden flow of information",
    "W401": "two experiments that are one",
    "W402": "one split in two roles",
    "W404": "an estimate beyond a limit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of one line of a source file. Lines and columns count from 1; `end_column` is exclusive."""

    file: str
    line: int
    column: int
    end_column: int
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about a spec: a code of `CODES`, a place, a reason and a remedy."""

    code: str
    message: str
    span: Span | None = None
    help: str = ""
    severity: Severity = "error"
    notes: tuple[str, ...] = ()

    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: by place, then code."""
        where = self.span
        return (where.file if where else "", where.line if where else 0, where.column if where else 0, self.code, self.message)

    def render(self) -> str:
        """The diagnostic as text for a terminal.

        >>> print(Diagnostic(code="E102", message="unknown key 'x'", help="remove it").render())
        error[E102]: unknown key 'x'
          = help: remove it
        """
        head = f"{self.severity}[{self.code}]: {self.message}"
        lines = [f"{self.span}: {head}" if self.span else head]
        indent = "  "
        if self.span and self.span.text:
            number = str(self.span.line)
            indent = " " * (len(number) + 1)
            shown, start, width = _window(self.span)
            lines += [f"{indent}|", f"{number} | {shown}", f"{indent}| {' ' * start}{'^' * width}"]
        lines += [f"{indent}= note: {note}" for note in self.notes]
        if self.help:
            lines.append(f"{indent}= help: {self.help}")
        return "\n".join(lines)


def _window(span: Span, limit: int = 160) -> tuple[str, int, int]:
    """The part of a line to show, with the marked columns kept in view: `(text, start, width)`."""
    text = "".join(ch if ch.isprintable() else " " for ch in span.text.rstrip("\n"))
    start, end = span.column - 1, max(span.end_column - 1, span.column)
    skip = max(0, start - 80) if len(text) > limit else 0
    return text[skip : skip + limit], start - skip, max(1, min(end - start, limit - (start - skip)))


def gathered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Findings in order, each once; one that several specs inherit has the notes of all of them."""
    notes: dict[Diagnostic, dict[str, None]] = {}
    for found in diagnostics:
        notes.setdefault(replace(found, notes=()), {}).update(dict.fromkeys(found.notes))
    return tuple(sorted((replace(found, notes=tuple(said)) for found, said in notes.items()), key=Diagnostic.order))


class SpecError(Exception):
    """One or more diagnostics that stop the work. Exit code 2."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = gathered(diagnostics)
        super().__init__("\n".join(d.render() for d in self.diagnostics))


class UserError(Exception):
    """A mistake outside a spec's text (no repository, a port in use, ...). Exit code 2."""

    exit_code = 2

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help


class StageError(UserError):
    """A stage that cannot finish, with the reason. Exit code 1."""

    exit_code = 1


class LimitReached(UserError):
    """A limit of the spec stands in the way; nothing is wrong and nothing is lost. Exit code 3."""

    exit_code = 3


class MissingExtra(UserError):
    """An optional package is not installed. Exit code 2."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed",
            help=f"run: pip install 'dataenvgym-spec[{extra}]'",
        )


def suggest(word: str, allowed: Iterable[str]) -> str:
    """A did-you-mean clause for `word`, or the list of what is allowed.

    >>> suggest("iteration", ["iterations", "teach"])
    "did you mean 'iterations'?"
    """
    options = sorted(set(allowed))
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"allowed here: {', '.join(options)}" if options else "nothing is allowed here"

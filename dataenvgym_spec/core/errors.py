"""Diagnostics and failures: what goes wrong, where, and what to do. Nothing here reads files or prints."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Severity = Literal["error", "warning"]

MOST_SHOWN: Final = 100
"""Findings that are printed; nobody reads more at once."""

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
    "E209": "a revision that can move is not pinned",
    "E210": "the lock and this environment differ",
    "E301": "a forbidden flow of information",
    "W401": "two experiments that are one",
    "W402": "one split in two roles",
    "W403": "an early stop that does not do what it seems to",
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
        return (
            where.file if where else "",
            where.line if where else 0,
            where.column if where else 0,
            self.code,
            self.message,
        )

    def render(self) -> str:
        """The diagnostic as text for a terminal.

        >>> print(Diagnostic(code="E102", message="unknown key 'x'", help="remove it").render())
        error[E102]: unknown key 'x'
          = help: remove it
        """
        head = f"{self.severity}[{self.code}]: {visible(self.message)}"
        lines = [f"{visible(str(self.span))}: {head}" if self.span else head]
        indent = "  "
        if self.span and self.span.text:
            number = str(self.span.line)
            indent = " " * (len(number) + 1)
            shown, start, width = _window(self.span)
            lines += [f"{indent}|", f"{number} | {shown}", f"{indent}| {' ' * start}{'^' * width}"]
        lines += [f"{indent}= note: {visible(note)}" for note in self.notes]
        if self.help:
            lines.append(f"{indent}= help: {visible(self.help)}")
        return "\n".join(lines)


def _window(span: Span, limit: int = 160) -> tuple[str, int, int]:
    """The part of a line to show, with the marked columns kept in view: `(text, start, width)`."""
    start, end = span.column - 1, max(span.end_column - 1, span.column)
    skip = max(0, start - 80) if len(span.text.rstrip()) > limit else 0
    text = "".join(
        ch if ch.isprintable() else " " for ch in span.text[skip : skip + limit].rstrip("\n")
    )
    return text, start - skip, max(1, min(end - start, limit - (start - skip)))


def visible(text: str, limit: int = 600) -> str:
    r"""A text that a terminal shows and does not obey: what cannot be seen is escaped, and what is very long is cut.

    >>> print(visible("a\u202eb"))
    a\u202eb
    """
    shown = text if len(text) <= limit else text[: limit - 3] + "..."
    return (
        shown
        if shown.isprintable()
        else "".join(
            ch if ch.isprintable() else ch.encode("unicode_escape").decode("ascii") for ch in shown
        )
    )


def character(letter: str) -> str:
    r"""What a character is called in Unicode.

    >>> character("\u0430")
    'U+0430 CYRILLIC SMALL LETTER A'
    """
    return f"U+{ord(letter):04X} {unicodedata.name(letter, 'CONTROL CHARACTER' if unicodedata.category(letter) == 'Cc' else 'which is no character')}"


def gathered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Findings in order, each once; one that several specs inherit has the notes of all of them."""
    notes: dict[Diagnostic, dict[str, None]] = {}
    for found in diagnostics:
        notes.setdefault(replace(found, notes=()), {}).update(dict.fromkeys(found.notes))
    return tuple(
        sorted(
            (replace(found, notes=tuple(said)) for found, said in notes.items()),
            key=Diagnostic.order,
        )
    )


def more(diagnostics: Iterable[Diagnostic]) -> str:
    """How to read more about findings, told once below them.

    >>> more([Diagnostic(code="E104", message="a"), Diagnostic(code="E102", message="b"), Diagnostic(code="E104", message="c")])
    'more about E102, E104: dataenvgym explain E102'
    """
    codes = sorted({found.code for found in diagnostics})
    return f"more about {', '.join(codes)}: dataenvgym explain {codes[0]}" if codes else ""


class SpecError(Exception):
    """One or more diagnostics that stop the work. Exit code 2."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = gathered(diagnostics)
        shown = [found.render() for found in self.diagnostics[:MOST_SHOWN]]
        more = len(self.diagnostics) - len(shown)
        super().__init__("\n".join([*shown, *([f"... and {more} more"] if more else [])]))


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
    odd = next(
        (
            f"'{visible(word, 60)}' holds {character(letter)}; "
            for letter in word
            if not " " < letter <= "~"
        ),
        "",
    )
    likely = "".join(
        letter for letter in unicodedata.normalize("NFKC", word[:200]) if letter.isprintable()
    )
    close = difflib.get_close_matches(likely, options, n=1, cutoff=0.6)
    if close:
        return f"{odd}did you mean '{close[0]}'?"
    if len(options) > 40:
        options = [*options[:40], "..."]
    return odd + (f"allowed here: {', '.join(options)}" if options else "nothing is allowed here")

"""Diagnostics and failures: what goes wrong, where, and what to do. Pure: no files, no printing."""

from __future__ import annotations

import errno
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

Severity = Literal["error", "warning"]

MOST_SHOWN: Final = 100
"""Findings that are printed; nobody reads more at once."""
MOST_LISTED: Final = 40
"""Names that are listed where none is close to the word that was written."""
LONGEST_COMPARED: Final = 200
"""Characters of a word that are compared with the names that are allowed."""
CLOSE: Final = 60.0
"""How alike a word and a name must be for a suggestion, of 100."""

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
    "E211": "a service that cannot be used from here",
    "E301": "a forbidden flow of information",
    "W401": "two experiments that are one",
    "W402": "one split in two roles",
    "W403": "an early stop that does not do what it seems to",
    "W404": "an estimate beyond a limit",
    "W405": "a chat template that is not used",
    "W406": "splits allotted by another seed",
    "W407": "too few picks to learn from",
    "W408": "a policy that does not see what it decides by",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of one line of a source file.

    Lines and columns count from 1; `end_column` is exclusive.
    """

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
        if self.span is None:
            return ("", 0, 0, self.code, self.message)
        span = self.span
        return (span.file, span.line, span.column, self.code, self.message)

    def render(self) -> str:
        """The diagnostic as text for a terminal.

        >>> print(Diagnostic(code="E102", message="unknown key 'x'", help="remove it").render())
        error[E102]: unknown key 'x'
          = help: remove it
        """
        head = f"{self.severity}[{self.code}]: {visible(self.message)}"
        indent = "  "
        lines = [head]
        if self.span is not None:
            lines = [f"{visible(str(self.span))}: {head}"]
        # A finding about a file as a whole has a place without text.
        if self.span is not None and self.span.text:
            number = str(self.span.line)
            indent = " " * (len(number) + 1)
            text, start, width = _window(self.span)
            marks = " " * start + "^" * width
            lines += [f"{indent}|", f"{number} | {text}", f"{indent}| {marks}"]
        lines += [f"{indent}= note: {visible(note)}" for note in self.notes]
        if self.help:
            lines.append(f"{indent}= help: {visible(self.help)}")
        return "\n".join(lines)


def _window(span: Span, limit: int = 160) -> tuple[str, int, int]:
    """The part of a line to show, with the marked columns in view: `(text, start, width)`."""
    start = span.column - 1
    end = max(span.end_column - 1, span.column)
    skip = 0
    # A short line is shown whole, wherever the mark is.
    if len(span.text.rstrip()) > limit:
        skip = max(0, start - 80)
    window = span.text[skip : skip + limit].rstrip("\n")
    text = "".join(letter if letter.isprintable() else " " for letter in window)
    room = limit - (start - skip)
    width = max(1, min(end - start, room))
    return text, start - skip, width


def visible(text: str, limit: int = 600) -> str:
    r"""A text that a terminal shows and does not obey.

    Characters that cannot be seen are escaped, and a very long text is cut.

    >>> print(visible("a\u202eb"))
    a\u202eb
    """
    shown = text if len(text) <= limit else text[: limit - 3] + "..."
    if shown.isprintable():
        return shown
    return "".join(map(_escaped, shown))


def seen(text: str) -> str:
    r"""Lines of any length that a terminal shows and does not obey.

    >>> print(seen("a\x1bb\nc"))
    a\x1bb
    c
    """
    return "\n".join(visible(line, limit=len(line)) for line in text.split("\n"))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def character(letter: str) -> str:
    r"""The name of a character in Unicode.

    >>> character("\u0430")
    'U+0430 CYRILLIC SMALL LETTER A'
    """
    nameless = "which is no character"
    if unicodedata.category(letter) == "Cc":
        nameless = "CONTROL CHARACTER"
    return f"U+{ord(letter):04X} {unicodedata.name(letter, nameless)}"


def gathered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Findings in order, each once; one that several specs inherit has the notes of all of them."""
    notes: dict[Diagnostic, dict[str, None]] = {}
    for finding in diagnostics:
        # Notes name the way to a file, which differs between specs that extend it.
        bare = replace(finding, notes=())
        notes.setdefault(bare, {}).update(dict.fromkeys(finding.notes))
    merged = [replace(bare, notes=tuple(own)) for bare, own in notes.items()]
    return tuple(sorted(merged, key=Diagnostic.order))


def more(diagnostics: Iterable[Diagnostic]) -> str:
    """The line below findings that says how to read more about them.

    >>> several = [Diagnostic(code="E104", message="a"), Diagnostic(code="E102", message="b")]
    >>> more(several)
    'more about E102, E104: dataenvgym explain E102'
    """
    codes = sorted({finding.code for finding in diagnostics})
    if not codes:
        return ""
    return f"more about {', '.join(codes)}: dataenvgym explain {codes[0]}"


class SpecError(Exception):
    """One or more diagnostics that stop the work. Exit code 2."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = gathered(diagnostics)
        lines = [finding.render() for finding in self.diagnostics[:MOST_SHOWN]]
        hidden = len(self.diagnostics) - len(lines)
        if hidden:
            lines.append(f"... and {hidden} more")
        super().__init__("\n".join(lines))


class UserError(Exception):
    """A mistake outside a spec's text (no repository, a port in use, ...). Exit code 2."""

    exit_code = 2

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help


class StageError(UserError):
    """A stage that cannot finish, with the reason. Exit code 1."""

    exit_code = 1


PAUSED: Final = "paused: "
"""How a message begins that says that a stage has not failed."""


class LimitReached(UserError):
    """A limit of the spec stands in the way; nothing is wrong and nothing is lost. Exit code 3."""

    exit_code = 3


FREE_SOME: Final = "free some space, for example with 'dataenvgym gc'"
REMEDIES: Final = {
    errno.ENOSPC: f"the disk is full: {FREE_SOME}",
    errno.EDQUOT: f"your quota is used up: {FREE_SOME}",
    errno.EROFS: "the file system is read-only: work in a clone that you may write to",
    errno.EACCES: "you may not do that: look at the owner and mode of the file and its folder",
    errno.EPERM: "you may not do that: look at the owner and mode of the file and its folder",
}
"""What to do when the system refuses a file, by its reason."""


def refused(error: OSError) -> StageError:
    """What to tell a user whom the system refused a file: nothing of ours is at fault."""
    reason = (error.strerror or str(error)).lower()
    file = f"'{error.filename}'" if error.filename is not None else "a file"
    help = REMEDIES.get(error.errno or 0, "mend that and run the same command again")
    return StageError(f"{file} cannot be used: {reason}", help=help)


class MissingExtra(UserError):
    """An optional package is not installed. Exit code 2.

    Args:
        package: its name.
        extra: of ours that brings it; None if none does.
        purpose: what needs it.
    """

    def __init__(self, package: str, extra: str | None, purpose: str) -> None:
        help = f"install the package '{package}'"
        if extra is not None:
            help = f"run: pip install 'dataenvgym-spec[{extra}]'"
        message = f"{purpose} needs the package '{package}', which is not installed"
        super().__init__(message, help=help)


def suggest(word: str, allowed: Iterable[str]) -> str:
    """A did-you-mean clause for `word`, or the list of what is allowed.

    >>> suggest("iteration", ["iterations", "teach"])
    "did you mean 'iterations'?"
    """
    options = tuple(sorted(set(allowed)))
    odd = _odd_character(word)
    closest = _closest(_folded(word), options)
    if closest:
        return f"{odd}did you mean '{closest}'?"
    if not options:
        return f"{odd}nothing is allowed here"
    names = ", ".join(options[:MOST_LISTED])
    if len(options) > MOST_LISTED:
        names += ", ..."
    return f"{odd}allowed here: {names}"


def _odd_character(word: str) -> str:
    """Names the first character that is easily taken for another one, as a Cyrillic letter is."""
    for letter in word:
        if not " " < letter <= "~":
            return f"'{visible(word, 60)}' holds {character(letter)}; "
    return ""


def _folded(word: str) -> str:
    """A word with full-width and similar letters as plain ones, without what cannot be seen."""
    # Cut first: one letter may become 18 of them.
    plain = unicodedata.normalize("NFKC", word[:LONGEST_COMPARED])
    return "".join(letter for letter in plain if letter.isprintable())


# Arms and the points of a matrix repeat a mistake: each word is compared once with the same names.
@lru_cache(maxsize=512)
def _closest(word: str, options: tuple[str, ...]) -> str:
    """The name most like a word, of equally close ones the last; empty if none is close."""
    # Imported here: commands that suggest nothing start without it.
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import extractOne

    # The first of equally close ones wins; reversed, it is the last, as with `difflib`.
    best = extractOne(word, options[::-1], scorer=ratio, score_cutoff=CLOSE)
    return best[0] if best else ""

"""The pages of the diagnostics catalogue: what a code means, why, an example, the cure.

Reads pages and renders none. They are `docs/diagnostics/<CODE>.md` in the repository; a wheel has
them inside the package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import CODES, UserError, suggest

SECTIONS: Final = ("What", "Why", "Example", "Cure")
_CODE: Final = re.compile(r"[EW]\d{3}", re.IGNORECASE)
_PACKAGE: Final = Path(__file__).parent.parent
# A wheel's pages first: outside a checkout, the folder above the package is anybody's.
_FOLDERS: Final = (_PACKAGE / "diagnostics", _PACKAGE.parent / "docs" / "diagnostics")
_GROUPS: Final = {
    "E0": "The text",
    "E1": "The form",
    "E2": "The meaning",
    "E3": "The proofs",
    "W4": "Warnings",
}
_INTRODUCTION: Final = (
    "What each code means, why it is one, an example, and the cure. "
    "`dataenvgym explain E102` prints the same page."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        code: the code.
        text: the page as it is written, in Markdown.
        sections: the text below each heading.
    """

    code: str
    text: str
    sections: dict[str, str]

    def block(self, language: str) -> str:
        """The first block of code in a language, in the example; empty if there is none."""
        fenced = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
        block = fenced.search(self.sections.get("Example", ""))
        return block[1] if block else ""


def is_code(word: str) -> bool:
    """Whether a word looks like the code of a diagnostic.

    >>> is_code("e102"), is_code("quickstart")
    (True, False)
    """
    return _CODE.fullmatch(word) is not None


def page(code: str) -> Page:
    """The page of a code.

    Raises:
        UserError: there is no such code, or its page was not installed.
    """
    code = code.upper()
    if code not in CODES:
        raise UserError(f"there is no diagnostic '{code}'", help=suggest(code, CODES))
    for folder in _FOLDERS:
        path = folder / f"{code}.md"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            return Page(code=code, text=text, sections=_sections(text))
    help = f"it says: {CODES[code]}; install the package again for the whole page"
    raise UserError(f"the page of '{code}' is not installed", help=help)


def index() -> str:
    """The text of `docs/diagnostics/README.md`: every code with what it means."""
    lines = ["# Diagnostics", "", _INTRODUCTION]
    for prefix in sorted({code[:2] for code in CODES}):
        title = _GROUPS.get(prefix, prefix)
        lines += ["", f"## {title}", "", "| code | meaning |", "| --- | --- |"]
        for code, meaning in sorted(CODES.items()):
            if code.startswith(prefix):
                lines.append(f"| [{code}]({code}.md) | {meaning} |")
    return "\n".join(lines) + "\n"


def _sections(text: str) -> dict[str, str]:
    # The split gives what is above the first heading, then headings and texts in turn.
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    headings, texts = parts[1::2], parts[2::2]
    return {heading: body.strip() + "\n" for heading, body in zip(headings, texts, strict=True)}

"""The pages of the diagnostics catalogue: what a code means, why, an example, the cure. Reads pages; renders none.

The pages are `docs/diagnostics/<CODE>.md` in the repository; a wheel carries them inside of the package.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page.

    Attributes:
        code: the code.
        text: the page as it is written, in Markdown.
        sections: what stands below each heading.
    """

    code: str
    text: str
    sections: dict[str, str]

    def block(self, language: str) -> str:
        """The first block of code in a language, in the example."""
        found = re.search(
            rf"^```{language}\n(.*?)^```$",
            self.sections.get("Example", ""),
            re.MULTILINE | re.DOTALL,
        )
        return found[1] if found else ""


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
    for folder in (_PACKAGE / "diagnostics", _PACKAGE.parent / "docs" / "diagnostics"):
        path = folder / f"{code}.md"
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            return Page(code=code, text=text, sections=_sections(text))
    raise UserError(
        f"the page of '{code}' is not installed",
        help=f"it says: {CODES[code]}; install the package again for the whole page",
    )


def index() -> str:
    """The text of `docs/diagnostics/README.md`: every code with what it means."""
    groups = {
        "E0": "The text",
        "E1": "The form",
        "E2": "The meaning",
        "E3": "The proofs",
        "W4": "Warnings",
    }
    lines = [
        "# Diagnostics",
        "",
        "What each code means, why it is one, an example, and the cure. `dataenvgym explain E102` prints the same page.",
    ]
    for prefix in sorted({code[:2] for code in CODES}):
        rows = [
            f"| [{code}]({code}.md) | {text} |"
            for code, text in sorted(CODES.items())
            if code.startswith(prefix)
        ]
        lines += [
            "",
            f"## {groups.get(prefix, prefix)}",
            "",
            "| code | meaning |",
            "| --- | --- |",
            *rows,
        ]
    return "\n".join(lines) + "\n"


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() + "\n" for part in parts[2::2]), strict=True))

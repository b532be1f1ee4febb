"""Which branches of Jinja templates a page went through: each is marked, and leaves its mark on the page.

A branch is named by its template and by the words of its tag, `else` by those of what it is the contrary of.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

TAG = re.compile(r"{%-?\s*(if|elif|else|endif|for|endfor)\b\s*(.*?)\s*-?%}")
MARK = re.compile("\ue000([0-9]+)\ue001")
"""Characters that no page has, and no autoescaping changes."""

Branch = tuple[str, str]


@dataclass
class Branches:
    """The branches of all templates that were read by `reading`."""

    read: Callable[[str], str]
    found: list[Branch] = field(default_factory=list)

    def reading(self, name: str) -> str:
        """A file; a template has a mark at the beginning of each branch."""
        text = self.read(name)
        if not name.endswith(".j2"):
            return text
        open_tags: list[str] = []

        def marked(tag: re.Match[str]) -> str:
            word, words = tag[1], tag[2]
            if word in ("endif", "endfor"):
                open_tags.pop()
                return tag[0]
            if word in ("if", "for"):
                open_tags.append(f"{word} {words}")
            label = f"{word} {words}" if words else f"not: {open_tags[-1]}"
            self.found.append((name, label))
            return f"{tag[0]}\ue000{len(self.found) - 1}\ue001"

        return TAG.sub(marked, text)

    def missed(self, page: str) -> set[Branch]:
        """The branches that a page did not go through, those of equal words taken together."""
        seen = {self.found[int(number)] for number in MARK.findall(page)}
        return set(self.found) - seen

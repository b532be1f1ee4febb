"""What DVC leaves out of a folder, as `.dvcignore` files and DVC itself say, without importing DVC.

The rules are those of dvc/ignore.py; a contract test compares them with the installed DVC. What we
leave out besides is in `folders`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

FILE: Final = ".dvcignore"
ALWAYS: Final = (".hg/", ".git/", ".git", ".dvc/")
"""DVC's own rules."""

Matches = Callable[[str], bool]
"""Whether rules leave out a path, relative to the repository; a folder's ends with a slash."""


class Ignored:
    """The rules of one repository. Each `.dvcignore` is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lines: dict[str, tuple[str, ...]] = {}
        self._matchers: dict[tuple[str, ...], Matches] = {}

    def whole(self, name: str) -> bool:
        """Whether DVC leaves out a path, relative to the repository, or a folder that it is in.

        Raises:
            OSError: a `.dvcignore` cannot be read.
            ValueError: it is not UTF-8, or a rule is none.
        """
        parts = name.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts)))
        if any(self.entry(folder, is_dir=True) for folder in above):
            return True
        return self.entry(name, is_dir=(self.root / name).is_dir())

    def entry(self, name: str, *, is_dir: bool) -> bool:
        """Whether DVC leaves out a path in a folder that it does not leave out.

        Raises:
            OSError: a `.dvcignore` cannot be read.
            ValueError: it is not UTF-8, or a rule is none.
        """
        # A folder with a DVC repository of its own is that one's business.
        if is_dir and (self.root / name / ".dvc").exists():
            return True
        lines = self._of(name.rpartition("/")[0])
        return self._matches(lines, f"{name}/" if is_dir else name)

    def _of(self, folder: str) -> tuple[str, ...]:
        """The rules that hold in a folder: of those above it, then its own; the last one wins."""
        if folder not in self._lines:
            above = self._of(folder.rpartition("/")[0]) if folder else ALWAYS
            name = f"{folder}/{FILE}" if folder else FILE
            self._lines[folder] = above
            # Hardly a folder has any, and a sweep has tens of thousands of folders.
            if os.path.isfile(f"{self.root}/{name}") and not self._matches(above, name):  # noqa: PTH113
                self._lines[folder] = (*above, *_rules(self.root / name, folder))
        return self._lines[folder]

    def _matches(self, lines: tuple[str, ...], name: str) -> bool:
        if lines not in self._matchers:
            self._matchers[lines] = _matcher(lines)
        return self._matchers[lines](name)


def _matcher(lines: tuple[str, ...]) -> Matches:
    # Slow to import, and only needed where a folder is hashed.
    from pathspec import PathSpec

    try:
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern as Rule
    except ImportError:  # before pathspec 1
        from pathspec.patterns.gitwildmatch import GitWildMatchPattern as Rule

    return PathSpec(map(Rule, lines)).match_file


def _rules(path: Path, folder: str) -> list[str]:
    """The rules of a file, relative to the repository."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    rules = [line for line in lines if line and not line.startswith("#")]
    return [_moved(rule, folder) for rule in rules] if folder else rules


def _moved(rule: str, folder: str) -> str:
    """A rule of a folder as a rule of the repository.

    >>> _moved("!*.bin", "models"), _moved("/a/b", "models")
    ('!/models/**/*.bin', '/models/a/b')
    """
    mark = "!" if rule.startswith("!") else ""
    rule = rule.removeprefix("!")
    # A rule with a slash before its end holds at one place, any other at every depth.
    if "/" in rule[:-1] and not rule.startswith("**/"):
        return f"{mark}/{folder}/{rule.removeprefix('/')}"
    return f"{mark}/{folder}/**/{rule.removeprefix('**/').removeprefix(chr(92))}"

"""Merging the root `dvc.yaml`: by stage and by plot, where git merges by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.layout import report_folder

MARK: Final = "dataenvgym stage"
"""Part of the command of every stage that compile writes."""
_CURVES: Final = re.compile(rf'"{report_folder("([^/]+)")}/curves/')
_MISSING: Final = object()
_OURS: Final = "<<<<<<< "
_BASE: Final = "||||||| "
_MIDDLE: Final = "======="
_THEIRS: Final = ">>>>>>> "


def sides(text: str) -> tuple[str, str] | None:
    r"""Our text and theirs, of a text with git's conflict markers; None if it has none.

    >>> sides("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> other\n")
    ('a\nb\n', 'a\nc\n')
    """
    if _OURS not in text:
        return None
    ours: list[str] = []
    theirs: list[str] = []
    both = (ours, theirs)
    targets: tuple[list[str], ...] = both
    for line in text.splitlines(keepends=True):
        in_conflict = targets is not both
        if line.startswith(_OURS):
            targets = (ours,)
        elif in_conflict and line.startswith(_BASE):
            targets = ()
        elif in_conflict and line.rstrip() == _MIDDLE:
            targets = (theirs,)
        elif in_conflict and line.startswith(_THEIRS):
            targets = both
        else:
            for side in targets:
                side.append(line)
    return "".join(ours), "".join(theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """One part of three versions of a file: what stands under each name."""

    what: str
    base: Mapping[str, Any]
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any]

    def union(self) -> dict[str, Any]:
        """What either side has and neither took away."""
        chosen = {name: self._chosen(name) for name in sorted({*self.ours, *self.theirs})}
        return {name: value for name, value in chosen.items() if value is not _MISSING}

    def _chosen(self, name: str) -> Any:
        """The value of the side that changed it."""
        base = self.base.get(name, _MISSING)
        ours = self.ours.get(name, _MISSING)
        theirs = self.theirs.get(name, _MISSING)
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        present = [value for value in (ours, theirs) if value is not _MISSING]
        # Compile will write it again, whatever it is now.
        if all(_is_generated(value) for value in present):
            return present[0]
        message = f"dvc.yaml: the two sides of the merge differ in the {self.what} '{name}'"
        raise UserError(message, help="resolve that one by hand, then: dataenvgym compile")


def merged(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """One `dvc.yaml` of two.

    Args:
        base: what both sides began with.
        ours: one side. It wins where both differ in what compile writes.
        theirs: the other side.

    Raises:
        UserError: they differ in what a user wrote.
    """
    versions = {"base": base, "ours": ours, "theirs": theirs}
    others = {side: _others(content) for side, content in versions.items()}
    stages = {side: content.get("stages") or {} for side, content in versions.items()}
    shown = {side: _by_name(content.get("plots")) for side, content in versions.items()}
    content = _Tables(what="key", **others).union()
    content["stages"] = _Tables(what="stage", **stages).union()
    plots = _Tables(what="plot", **shown).union()
    if plots:
        content["plots"] = list(plots.values())
    return content


def plot_name(plot: Any) -> str:
    """The name under which DVC shows a plot."""
    return plot if isinstance(plot, str) else next(iter(plot), "")


def _others(content: Mapping[str, Any]) -> dict[str, Any]:
    """What a `dvc.yaml` has besides stages and plots."""
    return {key: value for key, value in content.items() if key not in ("stages", "plots")}


def _by_name(shown: Iterable[Any] | None) -> dict[str, Any]:
    return {plot_name(plot): plot for plot in shown or ()}


def drawn(plot: Any) -> set[str]:
    """The experiments whose curves a plot draws.

    >>> drawn({"tiny-test": {"y": {"reports/tiny/curves/test/with-state-0.csv": "accuracy"}}})
    {'tiny'}
    """
    return set(_CURVES.findall(json.dumps(plot, default=str)))


def _is_generated(value: Any) -> bool:
    return MARK in json.dumps(value, default=str) or bool(drawn(value))

"""Draws what happens within an arm: skill trees that grow, answers that flip.

The same records give the same bytes, as in `drawing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from matplotlib.ticker import MaxNLocator

from dataenvgym_spec.core.foreign import clean
from dataenvgym_spec.records.skills import Explore, SkillTree
from dataenvgym_spec.report.drawing import canvas
from dataenvgym_spec.report.looks import PAGE, Look
from dataenvgym_spec.report.text import apart
from dataenvgym_spec.results.flips import Flips
from dataenvgym_spec.results.teachings import GrownTree, TreeTurn

MOST_ROWS: Final = 60
_SMALLEST, _LARGEST = 3.0, 15.0
"""Diameters of nodes, in points."""
_FIXED, _BROKEN = 2, 1
"""The colours of answers that were fixed and broken: those of all reports alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A skill or subskill in one iteration.

    Attributes:
        accepted: examples that came of it.
        accuracy: of the student that the plan saw, in a skill; None where it was not measured.
        move: the mark of what the plan did to the skill; empty for nothing.
    """

    iteration: int
    accepted: int
    accuracy: float | None = None
    move: str = ""


def tree(grown: GrownTree, name: str, *, look: Look = PAGE) -> str:
    """The skill trees of a run as they grew: a row a skill, below it its subskills.

    A node is as large as its examples are many, and a skill's as full as the student was right. A
    plus marks a skill that was explored, a triangle one that was exploited.

    Args:
        grown: the trees.
        name: salts the ids.
        look: how it looks.
    """
    rows = list(_rows(grown))
    shown = rows[:MOST_ROWS]
    most = max((node.accepted for _, _, nodes in shown for node in nodes), default=0)
    height = 0.75 + 0.29 * max(1, len(shown))
    with canvas(name, look, height=height) as (axes, text):
        for place, (_, inner, nodes) in enumerate(shown):
            numbers = [node.iteration for node in nodes]
            axes.plot(numbers, [place] * len(nodes), color=look.ink, linewidth=0.6, alpha=0.3)
            for node in nodes:
                _node(axes, node, place, most, look, inner=inner)
        axes.set_yticks(range(len(shown)), [label for label, _, _ in shown])
        last = max(turn.iteration for turn in grown.turns)
        axes.set_xlim(0.5, last + 0.5)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("iteration")
    return text[0]


def _rows(grown: GrownTree) -> Iterator[tuple[str, bool, list[_Node]]]:
    """The rows of the picture: label, whether it is a subskill, and its nodes."""
    skills = dict.fromkeys(skill for turn in grown.turns for skill in turn.trees)
    names = apart([clean(skill) for skill in skills], 22)
    for skill, name in zip(skills, names, strict=True):
        turns = [turn for turn in grown.turns if skill in turn.trees]
        yield name, False, [_skill(turn, skill) for turn in turns]
        named = [part.name for turn in turns for part in turn.trees[skill].subskills]
        subskills = list(dict.fromkeys(named))
        labels = apart([clean(subskill) for subskill in subskills], 20)
        for subskill, label in zip(subskills, labels, strict=True):
            nodes = [
                _Node(iteration=turn.iteration, accepted=turn.accepted.get((skill, subskill), 0))
                for turn in turns
                if _has(turn.trees[skill], subskill)
            ]
            yield f"· {label}", True, nodes


def _has(tree: SkillTree, subskill: str) -> bool:
    return any(part.name == subskill for part in tree.subskills)


def _skill(turn: TreeTurn, skill: str) -> _Node:
    tree = turn.trees[skill]
    mark = ""
    if tree.move is not None:
        mark = "+" if isinstance(tree.move, Explore) else "^"
    return _Node(
        iteration=turn.iteration,
        accepted=sum(count for (of, _), count in turn.accepted.items() if of == skill),
        accuracy=None if tree.score is None else tree.score.accuracy,
        move=mark,
    )


def _node(axes: Any, node: _Node, place: int, most: int, look: Look, *, inner: bool) -> None:
    share = sqrt(node.accepted / most) if most else 0.0
    size = _SMALLEST + (_LARGEST - _SMALLEST) * share
    hue = look.hues[4] if inner else look.hues[0]
    full = 0.35 if inner else 0.05 + 0.6 * (node.accuracy or 0.0)
    at = ([node.iteration], [place], "o")
    axes.plot(*at, markersize=size, color=hue, alpha=full, markeredgewidth=0)
    # The edge says where a node is even if it is as pale as the paper.
    edge = {"markeredgecolor": hue, "markeredgewidth": 0.9, "fillstyle": "none"}
    axes.plot(*at, markersize=size, color=hue, **edge)
    if node.move:
        style = {"color": look.ink, "markersize": 5, "markeredgewidth": 1.2}
        axes.plot([node.iteration], [place], node.move, **style)


def flips(rows: Sequence[Flips], name: str, most: float, *, look: Look = PAGE) -> str:
    """Bars per iteration: upwards the answers that it fixed, downwards those that it broke.

    Args:
        rows: the iterations of one arm.
        name: salts the ids.
        most: the longest bar of all arms.
        look: how it looks.
    """
    with canvas(name, look, height=2.4) as (axes, text):
        places = [row.iteration for row in rows]
        up, down = [row.fixed for row in rows], [-row.broken for row in rows]
        axes.bar(places, up, width=0.7, color=look.hues[_FIXED], label="fixed")
        axes.bar(places, down, width=0.7, color=look.hues[_BROKEN], label="broken")
        axes.axhline(0.0, color=look.ink, linewidth=0.6)
        axes.set_ylim(-1.05 * max(1.0, most), 1.05 * max(1.0, most))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
        # Broken answers are a number like fixed ones, and no negative one.
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.set_xlabel("iteration")
        axes.set_ylabel("answers")
        if look.legend:
            axes.legend(frameon=False)
    return text[0]

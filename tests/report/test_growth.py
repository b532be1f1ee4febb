"""Figures of what happens within an arm: what is in them, and that they hold what they should."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.records.skills import Explore, SkillScore, SkillTree, Subskill
from dataenvgym_spec.report.exports import export
from dataenvgym_spec.report.growth import MOST_ROWS, flips, tree
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.flips import Flips
from dataenvgym_spec.results.study import Study, study
from dataenvgym_spec.results.teachings import GrownTree, TreeTurn
from tests.support.taught import Taught


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("taught")
    Taught(root, right=lambda arm, seed, turn: (3, 7, 5)[turn])
    return study(load("tiny", root))


def grown(skills: int) -> GrownTree:
    """Trees that get a subskill in the second iteration."""
    first = Subskill(name="old", allocation=4, added=1, asked=4, requested=4)
    second = Subskill(name="new", allocation=4, added=2, asked=4, requested=4)
    score = SkillScore(accuracy=0.5, items=8)
    turns = []
    for number, parts in ((1, (first,)), (2, (first, second))):
        move = Explore(count=1, allocation=4, subskills=("new",)) if number == 2 else None
        one = SkillTree(subskills=parts, move=move, score=score)
        trees = {f"skill {skill}": one for skill in range(skills)}
        accepted = {("skill 0", "old"): 9, ("skill 0", "new"): 1}
        turns.append(TreeTurn(iteration=number, trees=trees, accepted=accepted))
    return GrownTree(arm="a", seed=0, turns=tuple(turns))


def nodes(svg: str) -> int:
    """How many marks stand in a picture."""
    return len(re.findall(r"<use ", svg))


def test_a_subskill_stands_where_it_was_found_and_not_before() -> None:
    svg = tree(grown(1), "tree-0")
    assert tree(grown(1), "tree-0") == svg
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert [label for label in labels if "skill" in label or "·" in label] == ["skill 0", "· old", "· new"]  # fmt: skip
    # Two of the skill, two of what was there, one of what was found: each a disc and its edge, and
    # the mark of one move.
    without = GrownTree(arm="a", seed=0, turns=(grown(1).turns[0],))
    more = nodes(svg) - nodes(tree(without, "tree-0"))
    assert more == 2 * (5 - 2) + 1


def test_a_large_tree_is_cut_to_what_a_picture_can_hold() -> None:
    svg = tree(grown(50), "tree-0")
    labels = [label for label in re.findall(r"<text[^>]*>([^<]*)</text>", svg) if not label.isdigit()]  # fmt: skip
    assert len(labels) == MOST_ROWS + 1 and labels[-1] != "iteration"


def test_what_was_broken_is_a_number_below_the_line() -> None:
    rows = [Flips(arm="a", iteration=1, fixed=4, broken=2, items=9)]
    svg = flips(rows, "flips-0", 4.0)
    assert "-2" not in re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert "\N{MINUS SIGN}" not in svg and "var(--hue-2)" in svg and "var(--hue-1)" in svg


def test_report_and_exports_have_them(content: Study, tmp_path: Path) -> None:
    html = page(content)
    assert html.count("Answers on 16 selection items that each iteration made right") == 2
    assert html.count("<figcaption>Skills and, with a dot, their subskills") == 1
    assert [(row.fixed, row.broken) for row in content.flips] == [(5, 0), (0, 2)] * 2
    names = {path.name for path in export(content, tmp_path / "paper", ("svg",))}
    assert names >= {"tree-with-state.svg", "flips-with-state.svg", "flips-no-state.svg"}
    assert "tree-no-state.svg" not in names


def test_names_with_one_beginning_keep_apart() -> None:
    start = "adding two large numbers "
    first = grown(1).turns[0]
    trees = {f"{start}{word}": first.trees["skill 0"] for word in ("by hand", "in mind")}
    turn = replace(first, trees=trees, accepted={})
    svg = tree(GrownTree(arm="a", seed=0, turns=(turn,)), "tree-0")
    assert "numbers by hand" in svg and "numbers in mind" in svg

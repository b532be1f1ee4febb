"""What each scorer says of fixed answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden, component, items, make
from tests.support.scoring import made_scorer

ANSWERS = [
    "7",
    " 7 ",
    "7.0",
    "",
    "seven",
    "A: 7",
    "so A: 7",
    "\\boxed{7}",
    "14/2",
    "$7$",
    "1,007",
    "-7",
    "A: 7 A: 8",
]
CUT = [
    "There were 5 and then 7",
    "5 + 2 = 7",
    "and that is A: 7",
    "so \\boxed{7} because of the",
    "#### 7",
]
"""Answers that were cut at the longest length."""
MARKED = [
    "#### 7",
    "#### 7 or 8",
    "\\boxed{7} or \\boxed{8}",
    "\\boxed{8}. Wait, \\boxed{7}",
    "\\boxed{7}. Wait, \\boxed{8",
    "The final answer is $7$. I hope it is correct.",
]
"""Answers in the forms of data sets."""
CUT_MARKED = [*CUT, "#### 7", "\\boxed{7}. Wait, \\boxed{8"]


def _scores(
    kind: str, cut: Sequence[str] = (), more: Sequence[str] = (), **options: Any
) -> Callable[[Path], Any]:
    def case(_shop: Path) -> Any:
        made = made_scorer(kind, **options)
        targets = [
            Item(id=str(n), input="3 + 4", target=target, group="g", cluster="c")
            for n, target in enumerate(["7", "A: 7", "x = \\frac{14}{2}"])
        ]
        answers = [(item, Answer(text=text)) for item in targets for text in (*ANSWERS, *more)]
        answers += [(item, Answer(text=text, truncated=True)) for item in targets for text in cut]
        found = made.score(answers)
        return [[score.value, score.parsed] for score in found]

    return case


def _own_scores(_shop: Path) -> Any:
    made = make("scorer", component("scorer", "reasoning-gym"))
    answers = [
        (item, Answer(text=text))
        for item in items()
        for text in [item.target, f" {item.target}\n", "", "9999", f"It is {item.target}."]
    ]
    found = made.score(answers)
    return [[score.value, score.parsed] for score in found]


def test_the_scorer_reasoning_gym_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _own_scores(tmp_path)
    assert_golden("scorer", "reasoning-gym", {1: "cd510027364dcef5"}, made)


def test_the_scorer_exact_match_makes_what_its_number_says(tmp_path: Path) -> None:
    made = [_scores("exact-match")(tmp_path), _scores("exact-match", after="A:")(tmp_path)]
    assert_golden("scorer", "exact-match", {2: "76c7fd879dfa7d14"}, made)


def test_the_scorer_math_verify_makes_what_its_number_says(tmp_path: Path) -> None:
    made = [_scores("math-verify", cut=CUT_MARKED, more=MARKED)(tmp_path)]
    made += [
        _scores(
            "math-verify", cut=CUT_MARKED, more=MARKED, unclosed="earlier", rounding="as-target"
        )(tmp_path)
    ]
    assert_golden("scorer", "math-verify", {5: "fc62ccb25ad02e8e", 6: "fc62ccb25ad02e8e"}, made)


def test_the_scorer_boxed_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _scores("boxed", cut=CUT_MARKED, more=MARKED)(tmp_path)
    assert_golden("scorer", "boxed", {2: "f1dbfd842de242d3", 3: "f1dbfd842de242d3"}, made)


def test_the_scorer_gsm8k_makes_what_its_number_says(tmp_path: Path) -> None:
    made = [_scores("gsm8k", cut=CUT_MARKED, more=MARKED)(tmp_path)]
    made += [_scores("gsm8k", cut=CUT_MARKED, more=MARKED, unmarked="last")(tmp_path)]
    assert_golden("scorer", "gsm8k", {1: "0c77df82a04cdc2c"}, made)


def test_the_scorer_minerva_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _scores("minerva", cut=CUT_MARKED, more=MARKED)(tmp_path)
    assert_golden("scorer", "minerva", {2: "c2a996585fb2e927", 3: "c2a996585fb2e927"}, made)


@pytest.mark.parametrize("kind", ["exact-match", "math-verify"])
def test_any_of_several_answers_is_right(kind: str) -> None:
    made = made_scorer(kind)
    accepted = {"answers": ["7", "14"]}
    item = Item(id="1", input="?", target="7", group="g", cluster="c", verifier=accepted)
    scores = made.score([(item, Answer(text=text)) for text in ("7", "14", "21")])
    assert [score.value for score in scores] == [1.0, 1.0, 0.0]


def test_a_target_without_the_mark_is_a_final_answer() -> None:
    made = make("scorer", component("scorer", "exact-match", after="####"))
    item = Item(id="1", input="?", target="1,700", group="g", cluster="c")
    scores = made.score([(item, Answer(text=text)) for text in ("so #### 1700", "1700")])
    assert [(score.value, score.parsed) for score in scores] == [(1.0, True), (0.0, False)]

"""Which text is the final answer, and what it lists."""

from __future__ import annotations

import pytest

from dataenvgym_spec.gym.tasks.scorers.final import Rule, final
from dataenvgym_spec.gym.tasks.scorers.values import bare, number, values
from tests.support.scoring import judged


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"\boxed{4}. Wait, \boxed{5}", ("5",)),
        (r"\boxed{4} and $\boxed{5}$", ("4", "5")),
        (r"$x = \boxed{4}$ or $x = \boxed{5}$.", ("4", "5")),
        (r"\boxed{4} \text{ or } \boxed{5}", ("4", "5")),
        (r"\boxed{4}, or maybe \boxed{5}", ("4", "5")),
        (r"\boxed{4}. Or rather \boxed{5}", ("5",)),
        ("\\boxed{4}\n\\boxed{5}", ("5",)),
        (r"\boxed{4} or \boxed{", ()),
        (r"\boxed{\frac{\boxed{1}}{2}}", (r"\frac{\boxed{1}}{2}",)),
        (r"\boxed{\boxed{5}", ("5",)),
        (r"\boxed{\{1\}}", (r"\{1\}",)),
        (r"\boxed 5 apples", ("5",)),
        (r"\fbox{7}", ("7",)),
        (r"\boxed{}", ("",)),
        ("#### 5\nso \\boxed{6}", ("6",)),
        ("\\boxed{5}\n#### 6", ("6",)),
        ("#### $\\boxed{6}$ apples", ("6",)),
        ("#### Step 2\nSo \\boxed{6}", ("6",)),
        ("####\nIt is 4.", ("4",)),
        ("The answer is 4, of 7.", ("4",)),
        ("**Answer:** 4 or 5 apples, of 7.", ("4", "5")),
        ("The answer is correct: it is 7.", ("7",)),
        ("It is either $4$ or $5$.", ("4", "5")),
        ("x^2 + 1", ("x^2 + 1",)),
        ("nobody knows", ("nobody knows",)),
    ],
)
def test_the_last_complete_mark_counts(text: str, found: tuple[str, ...]) -> None:
    assert final(text) == found


def test_a_mark_that_is_cut_off_is_no_answer_unless_the_rule_says_so() -> None:
    text = r"\boxed{4}. Wait, \boxed{5"
    assert final(text) == () and final(text, Rule(unclosed="earlier")) == ("4",)
    assert final("#### 4", truncated=True) == () and final("#### 4\n", truncated=True) == ("4",)
    assert final(r"\boxed{5", Rule(unclosed="earlier")) == ()


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("1,200", ("1200",)), ("1, 200", ("1", "200")), ("1,2,3", ("1", "2", "3")),
        (r"10{,}000", ("10000",)), (r"10,\!000", ("10000",)), ("(1, 2)", ("(1, 2)",)),
        (r"\left[0, 1\right)", (r"\left[0, 1\right)",)), (r"\{1, 2\}", (r"\{1, 2\}",)),
        (r"4 \text{ or } 5", ("4", "5")), ("odd and even", ("odd", "even")), ("", ()),
        ("random", ("random",)), (r"f(1, 2), 3", ("f(1, 2)", "3")),
    ],
)  # fmt: skip
def test_what_an_answer_lists(text: str, listed: tuple[str, ...]) -> None:
    assert values(text) == listed


def test_a_long_number_is_no_number() -> None:
    assert number("9" * 5000) is None and number("0." + "3" * 5000) is None


@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{" * 4000, r"\boxed{4} , " * 4000, "#" * 9000, "$" * 9000, "{" * 9000, "####" + "9" * 9000,
        "The answer is " * 1500, "1,234" * 2000, "final answer is " * 1500, r"\text{" * 3000, " or " * 3000,
        r"\boxed{" + r"\frac{1}{" * 500 + "}" * 1001, "7" + " " * 9000 + "apples", "\\boxed{4}" + " " * 9000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("scorer", ["boxed", "gsm8k"])
def test_a_hostile_text_is_read_in_no_time(scorer: str, text: str) -> None:
    """Or this test meets its time limit: no pattern looks at a text again and again."""
    (score,) = judged(scorer, [("7", text)])
    assert not score.correct or "apples" in text
    assert bare(text[:200]) is not None

"""Gold answers in every form that data sets have: the right one scores 1, a part of it 0."""

import pytest

from dataenvgym_spec.records.items import Item
from tests.support.scoring import judged, right

RIGHT = {
    "(1,2)": ("$(1, 2)$", r"\boxed{(1,2)}", "(1,2)"),
    "[0,1)": ("$[0,1)$", "[0, 1)"),
    "p - q": ("$p-q$", "$-q+p$", "p-q"),
    r"2\frac{1}{3}": (r"$\frac{7}{3}$", "7/3", r"2\frac13"),
    "3+4i": ("$4i+3$", "3 + 4i"),
    r"1 \pm \sqrt{19}": (r"\boxed{1+\sqrt{19}, 1-\sqrt{19}}", r"$1\pm\sqrt{19}$"),
    "2k+2": ("$2(k+1)$", "2k + 2", r"so \boxed{2 + 2k}."),
    "1,-2": ("$-2, 1$", r"\boxed{1,-2}", "-2, 1"),
    r"\frac12": ("0.5", ".5", "1/2", r"$\frac{1}{2}$"),
    "1,007": ("1007", r"$1{,}007$", "It is 1,007."),
    "x=5": ("5", "$x=5$"),
    "7.": ("7", "It is 7."),
    r"\text{even}": ("even", r"\boxed{\text{Even}}", r"\boxed{even}"),
    # Signs of percent, degrees and currencies are no part of an answer, whichever has them.
    r"50\%": ("50", r"$50\%$", r"\boxed{50\%}", "50%"),
    "50": (r"\boxed{50\%}", "50 %"),
    "18": (r"\$18", r"\boxed{\$18}", "18.0", "#### 18", r"\boxed{18\text{ dollars}}", "18 dollars"),
    r"90^\circ": ("90", r"$90^\circ$", "90°"),
    # Of a whole solution its final answer counts.
    # A row of a matrix ends with two backslashes, and a fraction needs no braces.
    r"\begin{pmatrix} 6 \\ 3 \\ 0 \end{pmatrix}": (r"$\begin{pmatrix}6\\3\\0\end{pmatrix}$",),
    r"\frac \pi4 + 2 - \sqrt2": (r"$\frac{\pi}{4} - \sqrt{2} + 2$",),
    "$1+1=2$, so 3 of\n#### 18": ("18", r"\boxed{18}", "2 and 2\n#### 18"),
    r"From $x=3$ and \boxed{4} we get \boxed{\frac{1}{2}}, not $7$.": ("$0.5$", r"\boxed{1/2}"),
}
WRONG = {
    "(1,2)": ("1", "2", "$1$", "(2,1)", "12"),
    "[0,1)": ("0", "[0,1]", "(0,1)"),
    "p - q": ("p", "q", "$q-p$"),
    r"2\frac{1}{3}": ("2", "1/3", "2/3"),
    "3+4i": ("3", "4", "4i"),
    r"1 \pm \sqrt{19}": ("1", r"$\sqrt{19}$", r"$1+\sqrt{19}$"),
    "2k+2": ("2", "2k", "k"),
    "1,-2": ("1", "-2", "$1$"),
    "1.0": ("10",),
    # Exact numbers, however small, are compared exactly.
    r"\frac{1}{2004!}": (r"$\frac{2}{2004!}$", r"\boxed{\frac{2}{2004!}}"),
    r"50\%": ("0.5", "5"),
    r"\begin{pmatrix} 6 \\ 3 \\ 0 \end{pmatrix}": (
        r"\boxed{\begin{pmatrix} 7 \\ 3 \\ 0 \end{pmatrix}}",
        r"\begin{pmatrix} 6 \\ 0 \\ 3 \end{pmatrix}",
        "0",
    ),
    r"\frac \pi4 + 2 - \sqrt2": (r"\boxed{\frac \pi5 + 2 - \sqrt2}", "2", "4"),
    r"\text{even}": ("odd", "E", "n", r"\text{odd}"),
    "$1+1=2$, so 3 of\n#### 18": ("2", "3", "1", "#### 2"),
    r"From $x=3$ and \boxed{4} we get \boxed{\frac{1}{2}}, not $7$.": ("3", "4", "7", "1"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "truncated", "value", "parsed"),
    [
        ("Tom has 12 and Bob has 7", True, 0.0, False),
        ("Tom has 12 and Bob has 7", False, 1.0, True),
        ("5 + 2 = 7", True, 1.0, True),
        (r"so \boxed{7} since Tom", True, 1.0, True),
        ("$5 + 2 = 7$ of them, and then we take", True, 0.0, False),
        ("so #### 7", True, 0.0, False),
        ("so #### 7\n", True, 1.0, True),
        ("#### 7 or 8", False, 0.0, True),
    ],
)
def test_what_a_cut_sentence_ends_with_is_no_answer(
    text: str, truncated: bool, value: float, parsed: bool
) -> None:
    (score,) = judged("math-verify", [("7", text)], truncated=truncated)
    assert (score.value, score.parsed) == (value, parsed)


def correct(pairs: list[tuple[str, str]]) -> list[bool]:
    """Whether answers to targets are right, of `(target, answer)`."""
    return [score.correct for score in judged("math-verify", pairs)]


def test_the_right_answer_in_other_forms_is_right() -> None:
    pairs = [(target, text) for target, texts in RIGHT.items() for text in (target, *texts)]
    assert [pair for pair, good in zip(pairs, correct(pairs), strict=True) if not good] == []


def test_a_part_of_the_answer_is_wrong() -> None:
    pairs = [(target, text) for target, texts in WRONG.items() for text in texts]
    assert [pair for pair, good in zip(pairs, correct(pairs), strict=True) if good] == []


@pytest.mark.parametrize(
    ("target", "text", "options", "wanted"),
    [
        (r"\boxed{5}", r"\boxed{4}. Wait, \boxed{5}", {}, True),
        (r"\boxed{4}", r"\boxed{4}. Wait, \boxed{5}", {}, False),
        ("4", r"\boxed{4}. Wait, \boxed{5", {}, False),
        ("4", r"\boxed{4}. Wait, \boxed{5", {"unclosed": "earlier"}, True),
        ("4", "#### 4", {"marks": ("box",), "unmarked": "unreadable"}, False),
        ("4", "It is 4.", {"unmarked": "unreadable"}, False),
        (r"50\%", "0.5", {}, False),
        (r"50\%", "0.5", {"percent": "hundredth"}, True),
        (r"50\%", "50", {"percent": "hundredth"}, False),
        ("5 km", "5 m", {}, True),
        (r"5 \text{ km}", r"\boxed{5 \text{ miles}}", {"units": "same"}, False),
        (r"5 \text{ km}", r"\boxed{5}", {"units": "same"}, True),
        ("3.14", "3.14159", {}, False),
        ("3.14", "3.14159", {"rounding": "as-target"}, True),
        ("3.14", r"\pi", {"rounding": "as-target"}, True),
        ("3.14", "3.146", {"rounding": "as-target"}, False),
        ("200", "201", {"tolerance": 0.01}, True),
        ("200", "203", {"tolerance": 0.01}, False),
        (r"\sqrt{2}", "1.41", {"tolerance": 0.01}, True),
    ],
)
def test_what_counts_is_an_option(
    target: str, text: str, options: dict[str, object], wanted: bool
) -> None:
    assert right("math-verify", target, text, **options) is wanted


def test_a_wrong_target_is_judged_by_the_verifier() -> None:
    fields = {"id": "1", "input": "q", "group": "g", "cluster": "c", "verifier": {"answer": "7"}}
    planted = Item(target="8", **fields)
    assert planted.golds == ("7",)
    assert [right("math-verify", planted.golds[0], text) for text in ("8", "7")] == [False, True]

"""All of GSM8K and MATH: every gold answer is right in every form, and an altered one is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from dataenvgym_spec.gym.tasks.scorers.final import final
from tests.support.public import needs_public, public_rows
from tests.support.scoring import judged

Wrap = Callable[[str], str]

GSM8K = ("gsm8k-train.jsonl", "gsm8k-test.jsonl")
MATH = ("math-test.jsonl",)
BOTH = (*GSM8K, *MATH)
SOLUTION = {
    "gsm8k-train.jsonl": "answer",
    "gsm8k-test.jsonl": "answer",
    "math-test.jsonl": "solution",
}
FORMS: dict[str, tuple[Wrap, ...]] = {
    "math-verify": (
        lambda answer: rf"So it is \boxed{{{answer}}}.",
        lambda answer: f"It is ${answer}$.",
        lambda answer: answer,
        # What this mark stands before is a line.
        lambda answer: f"#### {' '.join(answer.split())}",
    ),
    "boxed": (lambda answer: rf"So it is $\boxed{{ {answer} }}$ of 7.",),
    "gsm8k": (lambda answer: f"So\n#### {answer}", lambda answer: f"#### ${answer}.00 dollars"),
    "minerva": (
        lambda answer: f"Final Answer: The final answer is ${answer}$. I hope it is correct.",
        lambda answer: rf"So it is $\boxed{{{answer}}}$.",
    ),
}  # fmt: skip
"""How an answer can be written that a scorer reads."""


@needs_public(*GSM8K, *MATH)
@pytest.mark.parametrize(
    ("scorer", "names", "step"),
    [("gsm8k", GSM8K, 20), ("boxed", MATH, 10), ("math-verify", BOTH, 200), ("minerva", MATH, 100)],
)
def test_some(scorer: str, names: tuple[str, ...], step: int) -> None:
    assert list(_misjudged(scorer, names, step)) == []


@pytest.mark.slow
@needs_public(*GSM8K, *MATH)
@pytest.mark.parametrize(
    ("scorer", "names"),
    [("gsm8k", GSM8K), ("boxed", MATH), ("math-verify", BOTH), ("minerva", MATH)],
)
def test_all(scorer: str, names: tuple[str, ...]) -> None:
    assert list(_misjudged(scorer, names)) == []


def _misjudged(scorer: str, names: tuple[str, ...], step: int = 1) -> Iterator[str]:
    """What a scorer judges otherwise than it should, of every so many items."""
    for name in names:
        for row in public_rows(name, step):
            solution = row[SOLUTION[name]]
            wrong = list(_wrong(scorer, solution))
            texts = [solution, *_right(scorer, solution), *wrong]
            scores = judged(scorer, [(solution, text) for text in texts])
            for text, score in zip(texts, scores, strict=True):
                if score.correct is (text in wrong):
                    yield f"{final(solution)}: {text[-100:]!r}"


def _right(scorer: str, solution: str) -> Iterator[str]:
    found = final(solution)
    assert found, solution
    if len(found) == 1:
        yield from (form(found[0]) for form in FORMS[scorer])


def _wrong(scorer: str, solution: str) -> Iterator[str]:
    """Another answer, both of them, and a last one that is cut off."""
    answer = final(solution)[-1]
    other = altered(answer)
    yield from (form(other) for form in FORMS[scorer])
    if scorer != "gsm8k":
        yield rf"It is $\boxed{{{answer}}}$. Wait, $\boxed{{{other}}}$."
        yield rf"It is $\boxed{{{answer}}}$. Wait, $\boxed{{{other}"
    else:
        yield f"#### {answer} or {other}"


def altered(answer: str) -> str:
    r"""Another answer: its first number is one more; 17 for one without.

    >>> altered(r"\frac{9}{2}"), altered("even")
    ('\\frac{10}{2}', '17')
    """
    found = re.search(r"\d[\d,]*", answer)
    if found is None:
        return "17"
    more = int(found[0].replace(",", "")) + 1
    return f"{answer[: found.start()]}{more}{answer[found.end() :]}"

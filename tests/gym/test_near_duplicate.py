"""Near duplicates: found by the share of runs of words, among what was accepted and nothing else."""

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.gym.checks.judge import Judged, judge
from dataenvgym_spec.gym.checks.near_duplicate import NearDuplicate, bands, runs
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example
from tests.support.golden import assert_golden, component, make

STORY = (
    "Tom has 12 apples and gives 3 of them to his sister Ann, who eats one at once and puts the other two into a basket. "
    "How many apples are left for Tom on the evening of that day?"
)
CHANGED = STORY.replace("Ann", "Eve")
OTHER = (
    "A train leaves the station at noon and travels 60 miles an hour for three hours without a stop. How far has it come by then, "
    "if it slows down to half of that in the last hour?"
)


def example(question: str, id: str = "") -> Example:
    return Example(
        id=id or question, input=question, target="1", group="g", cluster=question, skill="g"
    )


def said(
    questions: list[str], accepted: dict[str, str] | None = None, **options: object
) -> list[str | None]:
    """The objections where everything without one is accepted."""
    check = make(
        "check", component("check", "near-duplicate", **{"threshold": 0.7, "shingle": 3, **options})
    )
    taken = dict(accepted or {})
    sight = Sight(scorer=ExactMatch(), accepted=MappingProxyType(taken))
    found = []
    for question in questions:
        (objection,) = check.objections([example(question)], sight)
        found.append(objection)
        if objection is None:
            taken[question] = question
    return found


def test_what_is_nearly_the_same_is_objected_to_and_names_what_it_is_like() -> None:
    first, again, changed, other = said([STORY, STORY.upper(), CHANGED, OTHER])
    assert first is other is None
    assert again == f"100% like the question of {STORY}, which was accepted before"
    assert changed is not None and changed.endswith("accepted before")


def test_what_earlier_iterations_accepted_counts_and_what_was_rejected_does_not() -> None:
    assert said([CHANGED], {"old": STORY}) != [None]
    check = NearDuplicate(threshold=0.7, shingle=3)
    sight = Sight(scorer=ExactMatch(), accepted=MappingProxyType({}))
    assert (
        check.objections([example(STORY)], sight)
        == check.objections([example(CHANGED)], sight)
        == [None]
    )


def test_the_threshold_decides() -> None:
    assert said([STORY, CHANGED], threshold=1.0) == [None, None]
    assert said([STORY, OTHER], threshold=0.1) == [None, None]


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=20, max_size=40),
    st.integers(0, 39),
    st.floats(0.3, 0.9),
)
def test_it_finds_what_an_exact_comparison_finds(
    words: list[str], place: int, threshold: float
) -> None:
    """But for what is within the error of the estimate."""
    texts = [" ".join(words), " ".join([*words[:place], "x", *words[place:]])]
    one, other = (set(runs(text, 2)) for text in texts)
    exact = len(one & other) / len(one | other)
    objection = said(texts, threshold=threshold, shingle=2)[1]
    if exact > threshold + 0.2:
        assert objection is not None
    if exact < threshold - 0.2:
        assert objection is None


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.8, 0.95, 1.0])
def test_the_index_finds_nearly_all_at_the_threshold(threshold: float) -> None:
    count = bands(threshold)
    assert 1 - (1 - threshold ** (128 // count)) ** count >= 0.95 or count == 128


def test_judged_with_others_only_the_accepted_count() -> None:
    checks = [
        Judged(
            name="near-duplicate",
            action="reject",
            reads=None,
            check=NearDuplicate(threshold=0.7, shingle=3),
        )
    ]
    rows = [example(text, id=str(n)) for n, text in enumerate([STORY, CHANGED, OTHER, CHANGED])]
    verdict = judge(rows, {"g": 9}, checks, Sight(scorer=ExactMatch()))
    assert [row.id for row in verdict.accepted] == ["0", "2"]
    assert verdict.counts() == {"g": {"accepted": 2, "near-duplicate": 2}}


def test_the_check_near_duplicate_makes_what_its_number_says() -> None:
    words = STORY.split()
    texts = [" ".join(words[:n] + ["so"] * (len(words) - n)) for n in range(len(words), 0, -3)]
    assert_golden(
        "check", "near-duplicate", {1: "2cc2806f86f3fe93"}, said([*texts, OTHER], threshold=0.5)
    )

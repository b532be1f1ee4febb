"""Near overlap: what holds most of an item of a split is found by hashes, whatever stands around it."""

from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.ngrams import ngrams
from dataenvgym_spec.records.splits import Kept, Reserve
from tests.support.golden import assert_golden, component, make

STORY = (
    "Tom has 12 apples and gives 3 of them to his sister Ann, who eats one at once and puts the other two into a basket. "
    "How many apples are left for Tom on the evening of that day?"
)
OTHER = "A train leaves the station at noon and travels 60 miles an hour for three hours. How far?"
SHORT = "What is 2 + 3?"


def reserve(size: int, **texts: list[str]) -> Reserve:
    roles = {}
    for role, questions in texts.items():
        runs = tuple(sorted({ngrams(text, size) for text in questions}))
        roles[role] = Kept(ngrams={str(size): runs})
    return Reserve(seed=0, roles=roles)


def said(
    questions: list[str], kept: Reserve | None, threshold: float = 0.7, ngram: int = 4
) -> list[str | None]:
    against = ["test", "feedback"]
    made = component("check", "near-overlap", against=against, threshold=threshold, ngram=ngram)
    check, sight = make("check", made), Sight(scorer=ExactMatch(), reserve=kept)
    rows = []
    for number, text in enumerate(questions):
        rows.append(
            Example(id=str(number), input=text, target="1", group="g", cluster=text, skill="g")
        )
    return list(check.objections(rows, sight))


def test_an_item_is_found_in_other_spelling_changed_and_inside_of_more() -> None:
    kept = reserve(4, test=[STORY], feedback=[SHORT])
    changed, half = STORY.replace("Ann", "Eve"), " ".join(STORY.split()[:18])
    asked = [STORY.upper(), changed, f"{OTHER} {STORY} {OTHER}", half, OTHER, "what is 2 + 3"]
    whole = "holds 100% of an item of test"
    assert said(asked, kept) == [
        whole,
        "holds 89% of an item of test",
        whole,
        None,
        None,
        "holds 100% of an item of feedback",
    ]


def test_the_threshold_the_length_of_runs_and_the_splits_decide() -> None:
    changed = [STORY.replace("Ann", "Eve")]
    assert said(changed, reserve(4, test=[STORY]), threshold=0.95) == [None]
    assert said(changed, reserve(4, selection=[STORY])) == [None]
    assert said(changed, None) == [None]
    # A run that is longer meets the changed word more often.
    assert said(changed, reserve(12, test=[STORY]), ngram=12) == [None]


def test_a_question_shorter_than_a_run_counts_as_a_whole() -> None:
    kept = reserve(8, test=[SHORT])
    assert said([SHORT, f"Tell me: {SHORT}"], kept, ngram=8) == [
        "holds 100% of an item of test",
        None,
    ]


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=30),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=30),
    st.integers(1, 6),
    st.floats(0.1, 1),
)
def test_it_finds_what_a_comparison_of_the_texts_finds(
    item: list[str], example: list[str], size: int, threshold: float
) -> None:
    def runs(words: list[str]) -> set[tuple[str, ...]]:
        last = max(len(words) - size, 0)
        return {tuple(words[start : start + size]) for start in range(last + 1)}

    share = len(runs(item) & runs(example)) / len(runs(item))
    (objection,) = said([" ".join(example)], reserve(size, test=[" ".join(item)]), threshold, size)
    assert (objection is not None) is (share >= threshold)


def test_the_check_near_overlap_makes_what_its_number_says() -> None:
    words = STORY.split()
    texts = [" ".join(words[:n] + ["so"] * (len(words) - n)) for n in range(len(words), 0, -3)]
    kept = reserve(4, test=[STORY, OTHER], feedback=[SHORT])
    made = said([*texts, OTHER, SHORT], kept, threshold=0.4)
    assert_golden("check", "near-overlap", {1: "eb74b43f74213910"}, made)

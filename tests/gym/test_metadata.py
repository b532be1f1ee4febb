"""What of an item's metadata a prompt may show: nothing that its question does not say."""

import re
from itertools import islice
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.tasks.scorers.reasoning_gym import ReasoningGymScore
from dataenvgym_spec.gym.tasks.sources.reasoning_gym import ReasoningGym
from dataenvgym_spec.language.components import definition

READABLE = definition("source", "reasoning-gym").marked("x-metadata")[("families",)]["names"]
DERIVED = {("count_bits", "binary"): lambda metadata: f"{metadata['number']:b}"}
"""What follows from other names of the same item."""


def parts(value: Any) -> list[str]:
    """The words and numbers of a value, in its order."""
    if isinstance(value, dict):
        return [word for pair in value.items() for item in pair for word in parts(item)]
    if isinstance(value, list | tuple):
        return [word for item in value for word in parts(item)]
    return [str(value).strip()]


def restated(value: Any, question: str) -> bool:
    """Whether a question says a value: its words in their order, and nothing else between them."""
    words = [re.escape(word) for word in parts(value)]
    between = r"[^\w]*?(?:and\s+)?"
    return bool(all(words) and re.search(rf"(?<!\w){between.join(words)}(?!\w)", question))


def _by_speed(dataset: str) -> Any:
    slow = [pytest.mark.slow] if dataset in ("knight_swap", "sokoban", "puzzle24") else []
    return pytest.param(dataset, marks=slow)


@pytest.mark.parametrize("dataset", map(_by_speed, sorted(READABLE)))
def test_a_prompt_may_show_only_what_the_question_says(dataset: str) -> None:
    source = ReasoningGym(families={"f": {"dataset": dataset}})
    for item in islice(source.stream("f", 5), 4):
        assert set(item.metadata) == {*READABLE[dataset], "source_dataset"}
        for name in READABLE[dataset]:
            if (dataset, name) in DERIVED:
                assert item.metadata[name] == DERIVED[dataset, name](item.metadata)
            else:
                assert restated(item.metadata[name], item.input), (name, item.metadata[name])


@pytest.mark.parametrize("dataset", ["mini_sudoku", "mahjong_puzzle", "spiral_matrix", "lcm"])
def test_a_template_cannot_read_what_tells_of_the_answer(dataset: str) -> None:
    source = ReasoningGym(families={"f": {"dataset": dataset}})
    item = next(source.stream("f", 5))
    hidden = item.verifier["metadata"]
    assert hidden and not set(hidden) & set(item.metadata)
    everything = PromptTemplate("{{ metadata | tojson }}").render(item)
    assert all(f'"{name}"' not in everything for name in hidden)
    for name in hidden:
        with pytest.raises(StageError, match="prompt template fails") as caught:
            PromptTemplate(f"{{{{ metadata.{name} }}}}").render(item)
        shown = [f"metadata.{name}" for name in sorted(item.metadata)]
        listed = ", ".join(["input", "group", "before", "tools", *shown])
        assert caught.value.help == f"of this item a template can use: {listed}"


@pytest.mark.parametrize("dataset", ["mini_sudoku", "jugs", "maze", "word_ladder", "countdown"])
def test_the_scorer_sees_what_is_hidden_from_prompts(dataset: str) -> None:
    source = ReasoningGym(families={"f": {"dataset": dataset}})
    for item in islice(source.stream("f", 5), 3):
        (score,) = ReasoningGymScore().score([(item, Answer(text=item.target))])
        assert score.correct

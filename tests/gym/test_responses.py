"""Examples as token ids: what carries loss, what is cut, and what cannot be learned."""

from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.models.tokenizer import train_tokenizer
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.gym.students.trainers.responses import IGNORED, Collator, Responses


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Each digit is a token."""
    return train_tokenizer(["12 + 3 =15"], 120)


def _example(prompt: str, completion: str) -> TrainingExample:
    return TrainingExample(prompt=prompt, completion=completion)


def test_only_the_response_is_learned(tokenizer: Any) -> None:
    (row,) = Responses([_example("12 + 3 =", "15")], tokenizer, 64)
    learned = [token for token in row["labels"] if token != IGNORED]
    assert tokenizer.decode(learned[:-1]) == "15"
    assert learned[-1] == tokenizer.eos_token_id
    assert row["labels"].count(IGNORED) == len(tokenizer("12 + 3 =").input_ids)
    assert len(tokenizer("4711").input_ids) == 4  # digits one by one


def test_a_cut_example_keeps_its_end_and_is_counted(tokenizer: Any) -> None:
    examples = [_example("123", "45678"), _example("123", "4567"), _example("123", "4")]
    made = Responses(examples, tokenizer, 8)
    assert [len(row["input_ids"]) for row in made.rows] == [8, 8, 5]
    assert all(row["input_ids"][-1] == tokenizer.eos_token_id for row in made.rows)
    assert tokenizer.decode(made[0]["input_ids"][:-1]) == "1234567"
    assert (made.cut, made.left_out) == (1, 0)
    assert made.losses(8) == "of 3 examples, 1 are cut to 8 tokens"


def test_an_example_without_room_for_an_answer_is_left_out_and_counted(tokenizer: Any) -> None:
    """With the end alone after its prompt it would teach that the answer is empty."""
    examples = [_example("1234567", "8"), _example("12345678", "9"), _example("12", "3")]
    made = Responses(examples, tokenizer, 8)
    assert [tokenizer.decode(row["input_ids"][:-1]) for row in made.rows] == ["123"]
    assert (made.cut, made.left_out) == (0, 2)
    assert made.losses(8) == "of 3 examples, 2 have no room for an answer and are left out"


def test_an_empty_answer_needs_room_for_its_end_alone(tokenizer: Any) -> None:
    assert len(Responses([_example("1234567", "")], tokenizer, 8)) == 1


@pytest.mark.parametrize("max_length", [1, 4, 5])
def test_a_length_shorter_than_every_prompt_is_refused(tokenizer: Any, max_length: int) -> None:
    examples = [_example("12345", "6"), _example("1234567", "89")]
    with pytest.raises(StageError) as caught:
        Responses(examples, tokenizer, max_length)
    assert caught.value.message == (
        f"a max_length of {max_length} leaves no room for any answer: "
        "the shortest prompt has 5 tokens"
    )
    assert caught.value.help == ("set student.train.max_length to 10, the longest example, or more")


def test_a_tokenizer_without_an_end_is_refused() -> None:
    tokenizer = train_tokenizer(["12"], 120)
    tokenizer.eos_token = None
    with pytest.raises(StageError, match="no end-of-text token"):
        Responses([_example("1", "2")], tokenizer, 8)


def test_a_batch_without_examples_carries_no_loss(tokenizer: Any) -> None:
    batch = Collator(tokenizer)([])
    assert batch["input_ids"].shape == batch["labels"].shape == (1, 2)
    assert (batch["labels"] == IGNORED).all()
    assert batch["attention_mask"].all()

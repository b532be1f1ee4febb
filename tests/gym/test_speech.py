"""What a model on this machine is asked, and what its answers mean."""

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym import Ask, Completion, Image, Message
from dataenvgym_spec.gym.teachers.speech import prompt_of, reply_of, seed_of, with_shape
from tests.support.golden import assert_golden

SHAPE = {"type": "object", "properties": {"n": {"type": "integer"}}}


def completion(text: str = "4", *, truncated: bool = False) -> Completion:
    return Completion(text=text, tokens=2, prompt_tokens=7, truncated=truncated)


def test_a_model_without_a_template_is_asked_by_the_text_alone() -> None:
    assert prompt_of(Ask.of("q", "2 + 2 ="), chats=False).text == "2 + 2 ="
    again = Ask(
        id="q",
        messages=tuple(
            Message(role=role, content=role) for role in ("system", "user", "assistant", "user")
        ),
    )
    prompt = prompt_of(again, chats=False)
    assert prompt.text == "system\n\nuser\n\nassistant\n\nuser"
    # A special token that somebody spells out is text.
    assert prompt.given == ((0, len(prompt.text)),)


def test_a_model_with_a_template_is_asked_in_it() -> None:
    ask = Ask.of("q", "2 + 2 =", system="Add.")
    prompt = prompt_of(ask, chats=True, thinking=False)
    assert (prompt.messages, prompt.thinking, prompt.text) == (ask.messages, False, "")


def test_images_are_refused() -> None:
    shown = (Image(media="image/png", data="aa"),)
    ask = Ask(id="q", messages=(Message(role="user", content="?", images=shown),))
    with pytest.raises(StageError, match="'q' shows images") as caught:
        prompt_of(ask, chats=True)
    assert caught.value.help == "name a teacher behind a service that sees images"


def test_a_shape_can_be_said_in_the_question() -> None:
    ask = Ask.of("q", "2 + 2 =", system="Add.", shape=SHAPE)
    said = with_shape(ask).messages
    assert said[0] == ask.messages[0]
    assert said[1].content.startswith("2 + 2 =\n\n") and '"integer"' in said[1].content
    assert with_shape(Ask.of("q", "2")) == Ask.of("q", "2")


def test_a_seed_depends_on_the_question_and_its_seed_and_on_nothing_else() -> None:
    one, other = Ask.of("1", "2 + 2"), Ask.of("other", "2 + 2", samples=4)
    assert seed_of(one, 0) == seed_of(other, 0)
    different = [seed_of(one, 1), seed_of(Ask.of("1", "2 + 3"), 0), seed_of(one, 0)]
    different += [seed_of(Ask.of("1", "2 + 2", seed=seed), 0) for seed in (0, 1)]
    assert len(set(different)) == 5


@pytest.mark.parametrize(
    ("written", "finish"),
    [
        (completion(), "stop"),
        (completion(truncated=True), "length"),
        (completion("", truncated=True), "length"),
        (completion(" "), "empty"),
    ],
)
def test_a_reply_says_how_it_ended(written: Completion, finish: str) -> None:
    reply = reply_of(Ask.of("q", "?"), 3, written, model="mine", logprobs=(-1.0, -2.0))
    assert (reply.ask, reply.sample, reply.finish, reply.model) == ("q", 3, finish, "mine")
    assert reply.tokens == {"prompt": 7, "generated": 2} and reply.logprobs == (-1.0, -2.0)


def test_golden_bytes() -> None:
    """What a model is asked, under which seed, and what is made of what it writes."""
    ask = Ask.of("q", "What?", system="Be brief.", shape=SHAPE, seed=3)
    prompts = [prompt_of(with_shape(ask), chats=chats).plain() for chats in (True, False)]
    reply = reply_of(ask, 1, completion(), model="m").plain()
    assert_golden("teacher", "vllm", {1: "71d2acbda547c7a7"}, [*prompts, seed_of(ask, 1), reply])

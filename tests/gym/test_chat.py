"""Conversations by a student's own chat template, and special tokens that are only spelled out."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.prompt import Message, Prompt, Prompts
from dataenvgym_spec.gym.students.backends.protocol import GenerationSettings
from dataenvgym_spec.gym.students.chat import Chat
from dataenvgym_spec.gym.students.codec import Codec, Encoder
from dataenvgym_spec.gym.students.models.tokenizer import train_tokenizer
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.turns import ToolSchema
from tests.support.students import CHATML, conversational
from tests.support.training import training_job

SYSTEM = "Be brief."
MARKS = re.compile(
    r"<\|[^|<>\s{}]+\|?>|<[a-z_]+\|>|<\uff5c[^<>]+\uff5c>|<(?:start|end)_of_turn>|\[/?INST\]"
)
"""How templates spell out special tokens."""


def item(question: str, target: str = "2") -> Item:
    return Item(id="1", input=question, target=target, group="sum", cluster="1")


def tokenizer(template: str | None) -> Any:
    """A tokenizer that has the special tokens which a template spells out, and begins a text."""
    from tokenizers.processors import TemplateProcessing

    made = train_tokenizer(["what is 1 + 1 ? it is 2"] * 10, 400)
    special = sorted({*MARKS.findall(template or ""), "<s>", "<|im_end|>"})
    made.add_special_tokens({"additional_special_tokens": special, "bos_token": "<s>"})
    begin = made.convert_tokens_to_ids("<s>")
    made.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", begin)]
    )
    made.chat_template = template
    return made


def templates() -> list[Any]:
    """The chat templates of the installed TRL."""
    found = importlib.util.find_spec("trl")
    places = list(found.submodule_search_locations or ()) if found else []
    paths = [path for place in places for path in Path(place).glob("chat_templates/*.jinja")]
    if not paths:
        return [pytest.param(CHATML, id="chatml")]
    return [pytest.param(path.read_text("utf-8"), id=path.stem) for path in sorted(paths)]


def plain(ids: list[int], made: Any) -> str:
    text: str = made.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


@pytest.mark.parametrize("template", templates())
def test_a_conversation_is_what_the_model_was_made_for(template: str) -> None:
    made = tokenizer(template)
    encoder = Encoder(made)
    asked = Prompts("{{ input }}", chat=True, shots=[item("3 + 4", "7")]).prompt(item("1 + 1"))
    ids = encoder.prompt(asked)
    text = plain(ids, made)
    assert ids.count(made.bos_token_id) <= 1
    assert [part in text for part in ("3 + 4", "7", "1 + 1")] == [True] * 3
    form = encoder.chat._form
    messages = [{"role": one.role, "content": form(one.content)} for one in asked.messages]
    options: Any = {"add_generation_prompt": True, "return_dict": False}
    if "strftime_now" not in template:
        assert ids == made.apply_chat_template(messages, **options)
    answer = encoder.answer(asked, "it is 2")
    assert plain(answer, made).startswith("it is 2")
    assert answer[-1] == encoder.chat.end_token
    assert answer[-1] in made.all_special_ids
    assert sum(token in made.all_special_ids for token in answer) == 1


@pytest.mark.parametrize("template", templates())
def test_what_a_message_spells_out_stays_text(template: str) -> None:
    made = tokenizer(template)
    encoder = Encoder(made)
    # The small tokenizer knows no sign beyond ASCII that it has not seen.
    odd = "1 <|im_end|> 1 <s> " + encoder.chat.end.strip().encode("ascii", "ignore").decode()
    usual = encoder.prompt(Prompts("{{ input }}", chat=True).prompt(item("1 + 1")))
    ids = encoder.prompt(Prompts("{{ input }}", chat=True).prompt(item(odd)))
    special = set(made.all_special_ids)
    assert [one for one in ids if one in special] == [one for one in usual if one in special]
    assert odd in plain(ids, made)
    answer = encoder.answer(Prompts("{{ input }}", chat=True).prompt(item("1")), odd)
    assert sum(token in special for token in answer) == 1
    assert plain(answer, made).startswith(odd)


def test_tools_go_to_a_chat_template_that_shows_them_and_spell_out_no_token() -> None:
    shown = "{% for tool in tools or [] %}{{ tool | tojson }}\n{% endfor %}" + CHATML
    made = tokenizer(shown)
    odd = ToolSchema(name="look", description="a <|im_end|> b", parameters={"<|im_end|>": 1})
    asked = msgspec.structs.replace(item("1 + 1"), tools=(odd,))
    ids = Encoder(made).prompt(Prompts("{{ input }}", chat=True).prompt(asked))
    usual = Encoder(made).prompt(Prompts("{{ input }}", chat=True).prompt(item("1 + 1")))
    end = made.convert_tokens_to_ids("<|im_end|>")
    assert ids.count(end) == usual.count(end)
    assert plain(ids, made).startswith(json.dumps(odd.function()))
    with pytest.raises(StageError, match="chat template shows none"):
        Encoder(tokenizer(CHATML)).prompt(Prompts("{{ input }}", chat=True).prompt(asked))


def test_a_student_that_reads_text_alone_is_shown_no_image() -> None:
    picture = Picture(digest="a" * 64, media="image/png", width=1, height=1)
    asked = msgspec.structs.replace(item("1 + 1"), images=(picture,))
    for chat in (False, True):
        prompts = Prompts("{{ input }}", chat=chat, file=lambda one: Path(one.file))
        with pytest.raises(StageError, match="reads text alone"):
            Encoder(tokenizer(CHATML)).prompt(prompts.prompt(asked))


@pytest.mark.parametrize("template", [None, CHATML])
def test_what_an_item_spells_out_in_a_plain_prompt_stays_text(template: str | None) -> None:
    made = tokenizer(template)
    encoder = Encoder(made)
    odd = "a<|im_end|>b<end>"
    ids = encoder.prompt(Prompts("Q: {{ input }}").prompt(item(odd)))
    assert ids == made(f"Q: {odd}", split_special_tokens=True).input_ids
    assert ids[0] == made.bos_token_id
    answer = encoder.answer("Q:", odd)
    spelled = made(odd, split_special_tokens=True, add_special_tokens=False).input_ids
    assert answer == [*spelled, made.eos_token_id]


def test_a_special_token_of_the_template_is_the_token_beside_one_that_an_item_spells_out() -> None:
    made = tokenizer(CHATML)
    written = "<|im_start|>user\n{{ input }}<|im_end|>\n<|im_start|>assistant"
    ids = Encoder(made).prompt(Prompts(written).prompt(item("a <|im_end|> b")))
    start, end = made.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    assert (ids.count(start), ids.count(end)) == (2, 1)
    assert plain(ids, made) == "<s>" + written.replace("{{ input }}", "a <|im_end|> b")
    calm = Prompts(written).prompt(item("1 + 1"))
    assert Encoder(made).prompt(calm) == made(calm.text).input_ids


@pytest.mark.parametrize("sign", ["\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"])
def test_no_character_of_ours_makes_a_token_of_a_text(sign: str) -> None:
    made = tokenizer(CHATML)
    special = set(made.all_special_ids)
    for odd in (f"{sign}0{sign}<|im_end|>", f"<{sign}|im_end|>", f"{sign}<|im_end|>{sign}"):
        for prompts in (Prompts("{{ input }}"), Prompts("{{ input }}", chat=True)):
            usual = Encoder(made).prompt(prompts.prompt(item("1 + 1")))
            ids = Encoder(made).prompt(prompts.prompt(item(odd)))
            assert sum(one in special for one in ids) == sum(one in special for one in usual)


@pytest.mark.parametrize(
    ("template", "text", "given"),
    [
        ("{{ group }}: {{ input }}", "sum: a b", ((0, 3), (5, 8))),
        ("{% filter upper %}{{ input }}{% endfilter %}!", "A B!", ((0, 3),)),
        ("{% macro ask(x) %}Q {{ x }}{% endmacro %}- {{ ask(input) }}", "- Q a b", ((2, 7),)),
        ("{% for part in input.split() %}{{ part }},{% endfor %}", "a,b,", ((0, 1), (2, 3))),
        ("{% set x %}{{ input }}{% endset %}{{ x | length }}!", "3!", ((0, 2),)),
    ],
)
def test_a_prompt_knows_what_of_it_an_item_gave(
    template: str, text: str, given: tuple[tuple[int, int], ...]
) -> None:
    """Where a template works on what it has written, all of it."""
    assert Prompts(template).prompt(item("a b")) == Prompt(text=text, given=given)


def test_a_tokenizer_without_a_template_is_an_error() -> None:
    with pytest.raises(StageError, match="has no chat template"):
        Encoder(tokenizer(None)).prompt(Prompts("{{ input }}", chat=True).prompt(item("1")))


def test_a_template_that_takes_no_system_text_is_an_error_that_says_so() -> None:
    refusing = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    made = tokenizer(refusing + CHATML)
    prompts = Prompts("{{ input }}", chat=True, system=SYSTEM)
    with pytest.raises(StageError) as caught:
        Encoder(made).prompt(prompts.prompt(item("1")))
    assert "refuses a conversation of system, user: no system" in caught.value.message


def test_thinking_is_switched_where_the_template_can() -> None:
    able = CHATML + "{% if enable_thinking is false %}<none>{% endif %}"
    prompts = Prompts("{{ input }}", chat=True, thinking=False)
    made = tokenizer(able)
    assert plain(Encoder(made).prompt(prompts.prompt(item("1"))), made).endswith("<none>")
    with pytest.raises(StageError, match="cannot switch thinking"):
        Encoder(tokenizer(CHATML)).prompt(prompts.prompt(item("1")))


def test_a_prompt_is_the_same_on_every_day() -> None:
    made = tokenizer("{{ strftime_now('%Y-%m-%d') }}" + CHATML)
    asked = Prompt(messages=(Message(role="user", content="1"),))
    assert plain(Encoder(made).prompt(asked), made).startswith("2024-07-26")


def test_a_template_that_ends_no_turn_leaves_it_to_the_end_of_the_text() -> None:
    made = tokenizer("{% for one in messages %}{{ one.role }}: {{ one.content }}\n{% endfor %}")
    assert Chat(made, Encoder(made).spelling).end == made.eos_token


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return conversational(tmp_path_factory.mktemp("student") / "student", max_positions=64)


def test_a_conversation_is_the_same_before_and_after_training(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A student that has learned one answer by heart writes it, and stops at the end of its turn."""
    from dataenvgym_spec.gym.students.backends.transformers import TransformersBackend
    from dataenvgym_spec.gym.students.trainers.sft import Sft

    prompts = Prompts("{{ input }} =", chat=True, system=SYSTEM)
    asked = [prompts.prompt(item(f"{number} + 1")) for number in range(1, 5)]
    rows = [TrainingExample(prompt=prompt, completion="15") for prompt in asked]
    job = training_job(tmp_path, student, rows, length={"steps": 30}, learning_rate=0.01)
    Sft().train(job)
    settings = GenerationSettings(dtype="float32", max_new_tokens=8, batch_size=4)
    before = TransformersBackend(settings=settings, model=student, adapter=None)
    after = TransformersBackend(settings=settings, model=job.out, adapter=None)
    assert [after.codec.encode(one) for one in asked] == [before.codec.encode(one) for one in asked]
    answers = after.generate(asked)
    assert [(answer.text, answer.truncated) for answer in answers] == [("15", False)] * 4
    assert answers[0].tokens == len(Encoder(after.codec.tokenizer).answer(asked[0], "15"))
    # The end of a turn is not the end of a text.
    text = Codec(student, max_new_tokens=8)
    text.encode("1")
    assert before.codec.ends - text.ends == {Encoder(text.tokenizer).chat.end_token}

"""Prompts: sandboxed, strict, and blind to the answer."""

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.gym.prompt import Prompt, Prompts, PromptTemplate
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.turns import ToolSchema, Turn
from tests.support.golden import TEMPLATE, items


def test_prompts_are_sandboxed_and_strict() -> None:
    item = Item(id="1", input="q", target="secret", group="g", cluster="1", metadata={"n": 3})
    assert (
        PromptTemplate("{% if group == 'g' %}\n{{ input }} {{ metadata.n }}\n{% endif %}").render(
            item
        )
        == "q 3\n"
    )
    for template in (
        "{{ target }}",
        "{{ nothing }}",
        "{{ metadata.none }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ 1 / 0 }}",
    ):
        with pytest.raises(StageError, match="prompt template"):
            PromptTemplate(template).render(item)


def test_the_text_of_prompts_is_golden() -> None:
    """A template is part of the key, what is made of it is not: trailing line breaks and blank lines must stay as they are."""
    texts = [
        PromptTemplate(template).render(item)
        for template in (TEMPLATE, "{{ input }}\n", "  {% if true %}\n a\n  {% endif %}\n\n")
        for item in items()[::8]
    ]
    assert digest("golden", texts)[:16] == "f035f8be41606aab"


PICTURE = Picture(digest="a" * 64, media="image/png", width=1, height=1)
ASKED = Item(
    id="1",
    input="And now?",
    target="2",
    group="g",
    cluster="1",
    before=(Turn(role="user", text="What is it?", images=(PICTURE,)), Turn(role="assistant", text="A cat.")),
    images=(PICTURE,),
    tools=(ToolSchema(name="look", description="Looks."),),
)  # fmt: skip


def test_a_conversation_has_the_turns_images_and_tools_of_its_item() -> None:
    ask = Prompts("{{ input }}!", chat=True, system="See.", file=lambda one: Path("/at", one.file))
    prompt = ask.prompt(ASKED)
    said = [(message.role, message.content, len(message.images)) for message in prompt.messages]
    assert said == [
        ("system", "See.", 0), ("user", "What is it?", 1), ("assistant", "A cat.", 0), ("user", "And now?!", 1),
    ]  # fmt: skip
    assert [image.path for image in prompt.pictures] == [f"/at/media/{'a' * 32}.png"] * 2
    assert [tool["function"]["name"] for tool in prompt.tools] == ["look"]
    assert Prompt.parse(prompt.plain()) == prompt
    # A template that writes the tools itself leaves none for the chat template.
    written = Prompts("{{ tools | tojson }} {{ input }}", chat=True, file=ask.file).prompt(ASKED)
    assert not written.tools and '"look"' in written.messages[-1].content


def test_a_text_shows_what_its_template_writes_and_the_images_before_it() -> None:
    template = "{% for turn in before %}{{ turn.role }}: {{ turn.text }}\n{% endfor %}{{ input }}"
    prompt = Prompts(template, file=lambda one: Path(one.file)).prompt(ASKED)
    assert prompt.text == "user: What is it?\nassistant: A cat.\nAnd now?"
    assert len(prompt.images) == len(prompt.pictures) == 2
    with pytest.raises(StageError, match="where their files are"):
        Prompts(template).prompt(ASKED)

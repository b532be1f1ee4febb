"""Prompts: sandboxed, strict, and blind to the answer."""

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.gym.prompt import PromptTemplate
from dataenvgym_spec.records.items import Item
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

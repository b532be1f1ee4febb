"""One prompt template, before and after training and in every evaluation."""

from __future__ import annotations

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.items import Item


class PromptTemplate:
    """Renders items by a sandboxed Jinja template.

    A name that the template does not know is an error, not an empty string.

    >>> item = Item(id="1", input="1 + 1", target="2", group="sum", cluster="1")
    >>> PromptTemplate("{{ input }} =").render(item)
    '1 + 1 ='
    """

    def __init__(self, template: str) -> None:
        # Without trimming, a line with a tag alone would leave an empty line in the prompt.
        environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self.template = environment.from_string(template)

    def render(self, item: Item) -> str:
        """The prompt of an item.

        The template sees `input`, `group` and `metadata`, never the answer: a source puts nothing
        into the metadata that tells more than the question does.

        Raises:
            StageError: the template needs something that the item does not have.
        """
        try:
            return self.template.render(input=item.input, group=item.group, metadata=item.metadata)
        except (TemplateError, TypeError, ArithmeticError) as error:
            names = [f"metadata.{name}" for name in sorted(item.metadata)]
            listed = ", ".join(["input", "group", *names])
            raise StageError(
                f"the prompt template fails for item {item.id}: {error}",
                help=f"of this item a template can use: {listed}",
            ) from error

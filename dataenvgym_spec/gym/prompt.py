"""What a student is asked: one template, before and after training and in every evaluation.

How a prompt becomes tokens is in `students/codec`, which has the student's tokenizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from jinja2 import Environment, StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.record import Record

OPEN, CLOSE = "\ufdd2", "\ufdd3"
"""Stand around what an item gave while a template is rendered; no text holds these characters."""
UNDEFINED: Final = (TemplateError, TypeError, ArithmeticError)


class Image(Record, frozen=True, kw_only=True):
    """An image of a message.

    Attributes:
        media: its media type, such as `image/png`.
        data: its bytes, in base64; of what a teacher is shown.
        path: where its file is; of what a student is shown.
    """

    media: str
    data: str = ""
    path: str | None = None


class Message(Record, frozen=True, kw_only=True):
    """A part of a conversation. All of its content is text.

    Attributes:
        images: what is shown before the text; only to those who see.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    images: tuple[Image, ...] = ()


class Prompt(Record, frozen=True, kw_only=True):
    """What a student is asked, before it is tokens: a text, or a conversation.

    Attributes:
        text: of a prompt that is one; empty for a conversation.
        given: where in it stands what the item gave, from and to: a special token that is spelled
            out there is text. One that the template spells out is the token.
        messages: of a conversation, which the student's own chat template renders.
        thinking: what that template is told about thinking; None leaves it to the template.
        images: of a prompt that is a text, what is shown before it.
        tools: of a conversation, what the answer may call, which that template renders.
    """

    text: str = ""
    given: tuple[tuple[int, int], ...] = ()
    messages: tuple[Message, ...] = ()
    thinking: bool | None = None
    images: tuple[Image, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()

    @property
    def pictures(self) -> tuple[Image, ...]:
        """All images that it shows, in their order."""
        said = [image for message in self.messages for image in message.images]
        return (*self.images, *said)


class PromptTemplate:
    """Renders items by a sandboxed Jinja template.

    A name that the template does not know is an error, not an empty string.

    Examples:
        >>> item = Item(id="1", input="1 + 1", target="2", group="sum", cluster="1")
        >>> PromptTemplate("{{ input }} =").render(item)
        '1 + 1 ='
        >>> PromptTemplate("Is {{ input }} odd?").prompt(item).given
        ((3, 8),)
    """

    def __init__(self, template: str) -> None:
        self.template = _environment().from_string(template)
        marking = _environment()
        marking.finalize = _marked
        self.marking = marking.from_string(template)

    def render(self, item: Item) -> str:
        """The prompt of an item, as text.

        The template sees `input`, `group` and `metadata`, and what an item may have besides:
        `before`, a list of `role` and `text`, and `tools`, in the form of services. It never sees
        the answer: a source puts nothing into the metadata that tells more than the question does.

        Raises:
            StageError: the template needs something that the item does not have.
        """
        try:
            return _rendered(self.template, item)
        except UNDEFINED as error:
            names = [f"metadata.{name}" for name in sorted(item.metadata)]
            listed = ", ".join(["input", "group", "before", "tools", *names])
            raise StageError(
                f"the prompt template fails for item {item.id}: {error}",
                help=f"of this item a template can use: {listed}",
            ) from error

    def prompt(self, item: Item) -> Prompt:
        """The prompt of an item.

        Raises:
            StageError: see `render`.
        """
        text = self.render(item)
        try:
            marked = _rendered(self.marking, item)
        except UNDEFINED:
            marked = ""
        if marked.replace(OPEN, "").replace(CLOSE, "") != text:
            # The template works on what it has written: whose text it is cannot be told.
            return Prompt(text=text, given=((0, len(text)),))
        return Prompt(text=text, given=_spans(marked))


class TextTemplate:
    """Renders what a component asks, by a sandboxed Jinja template.

    A name that is not given is an error, not an empty string.

    Examples:
        >>> TextTemplate("{{ count }} about {{ skill }}.").render(count=2, skill="sums")
        '2 about sums.'
    """

    def __init__(self, template: str) -> None:
        self.template = _environment().from_string(template)

    def render(self, **given: object) -> str:
        """The text with what is given.

        Raises:
            StageError: the template needs something else.
        """
        try:
            return self.template.render(**given)
        except UNDEFINED as error:
            listed = ", ".join(sorted(given))
            message = f"a prompt's template fails: {error}"
            raise StageError(message, help=f"a template can use: {listed}") from error


class Prompts:
    """The prompts of a spec: texts, or conversations with what precedes each question.

    Args of the constructor:
        template: Jinja; it gives a text, or the question of a conversation.
        chat: whether they are conversations.
        system: what the system says first; empty for nothing.
        shots: items that are asked and answered before.
        thinking: see `Prompt`.
        file: where the file of an image is; None where no item has any.
    """

    def __init__(
        self,
        template: str,
        *,
        chat: bool = False,
        system: str = "",
        shots: Sequence[Item] = (),
        thinking: bool | None = None,
        file: Callable[[Picture], Path] | None = None,
    ) -> None:
        self.template, self.chat, self.thinking = PromptTemplate(template), chat, thinking
        self.shots, self.file = tuple(shots), file
        names = meta.find_undeclared_variables(_environment().parse(template))
        self.writes_tools, self.writes_before = "tools" in names, "before" in names
        before = [Message(role="system", content=system)] if system else []
        for shot in shots:
            before += [*self._question(shot), Message(role="assistant", content=shot.target)]
        self.before = before

    def prompt(self, item: Item) -> Prompt:
        """The prompt of an item.

        Raises:
            StageError: see `PromptTemplate.render`.
        """
        if not self.chat:
            if item.before and not self.writes_before:
                message = "the prompt does not show what was said before a question"
                help = "add 'chat: true', or write 'before' in the template"
                raise StageError(f"{message}: {item.input[:60]!r}", help=help)
            prompt = self.template.prompt(item)
            shown = self._shown(item.pictures)
            return msgspec.structs.replace(prompt, images=shown) if shown else prompt
        tools: tuple[dict[str, Any], ...] = ()
        if not self.writes_tools:
            tools = tuple(tool.function() for tool in item.tools)
        messages = (*self.before, *self._question(item))
        return Prompt(messages=messages, thinking=self.thinking, tools=tools)

    def _question(self, item: Item) -> list[Message]:
        """The turns of an item up to its question, which the template renders."""
        said = []
        for turn in item.before:
            images = self._shown(turn.images)
            said.append(Message(role=turn.role, content=turn.text, images=images))
        asked = self.template.render(item)
        return [*said, Message(role="user", content=asked, images=self._shown(item.images))]

    def _shown(self, pictures: Sequence[Picture]) -> tuple[Image, ...]:
        if not pictures:
            return ()
        if self.file is None:
            message = "an item has images, and nobody says where their files are"
            raise StageError(message, help="leave its images out")
        found = [(picture.media, str(self.file(picture))) for picture in pictures]
        return tuple(Image(media=media, path=path) for media, path in found)


def _environment() -> Environment:
    # Without trimming, a line with a tag alone would leave an empty line in the prompt.
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _rendered(template: Template, item: Item) -> str:
    return template.render(
        input=item.input,
        group=item.group,
        metadata=item.metadata,
        before=[{"role": turn.role, "text": turn.text} for turn in item.before],
        tools=[tool.function() for tool in item.tools],
    )


def _marked(value: object) -> str:
    return f"{OPEN}{value}{CLOSE}"


def _spans(marked: str) -> tuple[tuple[int, int], ...]:
    """Where the outermost marks stand, in the text without them."""
    spans = []
    depth = at = start = 0
    for sign in marked:
        if sign == OPEN:
            start = start if depth else at
            depth += 1
        elif sign == CLOSE:
            depth -= 1
            if not depth and at > start:
                spans.append((start, at))
        else:
            at += 1
    return tuple(spans)

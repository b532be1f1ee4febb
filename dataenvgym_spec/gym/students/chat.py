"""Conversations as a student's own chat template renders them, and where a turn ends in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Final

from dataenvgym_spec.core.chat_template import TOOLS, switches, takes
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.prompt import Message, Prompt
from dataenvgym_spec.gym.students.spelling import Spelling

DAY: Final = date(2024, 7, 26)
"""What templates that name the day are told: a prompt is the same on every day."""
PROBE: Final = "qxzprobezxq"
"""A content that no template writes of its own."""


class Chat:
    """Renders conversations by the chat template of a tokenizer."""

    def __init__(self, tokenizer: Any, spelling: Spelling) -> None:
        """Finds the template.

        Raises:
            StageError: there is none.
        """
        self.tokenizer, self.spelling = tokenizer, spelling
        try:
            self.template: str = tokenizer.get_chat_template()
        except ValueError as error:
            message = "the student's tokenizer has no chat template, and the spec says 'chat: true'"
            help = "leave 'student.prompt.chat' out, or take a model that has one"
            raise StageError(message, help=help) from error

    def prompt(self, prompt: Prompt) -> str:
        """A conversation as text, up to where the answer begins.

        What its messages spell out of special tokens is guarded; see `Spelling`.

        Raises:
            StageError: the template does not take it.
        """
        tools = self._called(prompt.tools)
        return self._render(prompt.messages, prompt.thinking, **tools, add_generation_prompt=True)

    @cached_property
    def end(self) -> str:
        """What stands behind an answer, up to the token that ends its turn.

        A template that ends the last turn with no token leaves it to the end of the text.

        Raises:
            StageError: neither has one.
        """
        asked = (Message(role="user", content="?"), Message(role="assistant", content=PROBE))
        tail = self._render(asked, None).rpartition(PROBE)[2]
        found = self.spelling.first(tail)
        if found is not None:
            return tail[: found.end()]
        if not self.tokenizer.eos_token:
            message = "neither the student's chat template nor its tokenizer ends an answer"
            raise StageError(message, help="set 'eos_token' in its tokenizer_config.json")
        return str(self.tokenizer.eos_token)

    @cached_property
    def end_token(self) -> int:
        """The token that ends a turn."""
        found = self.spelling.first(self.end)
        assert found is not None
        return int(self.tokenizer.convert_tokens_to_ids(found.group()))

    @cached_property
    def _form(self) -> Callable[[str], Any]:
        """How the template takes a content: as a text, or as a list of parts."""
        for form in (_text, _parts):
            asked = [{"role": "user", "content": form(PROBE)}]
            if PROBE in self._apply(asked, add_generation_prompt=True):
                return form
        message = "the student's chat template does not show what a user says"
        raise StageError(message, help="mend its chat template, or leave 'student.prompt.chat' out")

    @cached_property
    def _switches(self) -> frozenset[str]:
        return switches(self.template)

    def _called(self, tools: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The tools as the template takes them; nothing where there are none.

        Raises:
            StageError: it shows no tools.
        """
        if not tools:
            return {}
        if not takes(self.template, TOOLS):
            message = "an item has tools to call, and the student's chat template shows none"
            help = "write them in the template of 'student.prompt': {{ tools | tojson }}"
            raise StageError(message, help=help)
        return {TOOLS: [self._guarded(tool) for tool in tools]}

    def _guarded(self, value: Any) -> Any:
        """JSON values whose texts spell out no special token."""
        if isinstance(value, str):
            return self.spelling.guard(value)
        if isinstance(value, Mapping):
            return {self._guarded(key): self._guarded(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._guarded(part) for part in value]
        return value

    def _render(self, messages: Sequence[Message], thinking: bool | None, **options: Any) -> str:
        plain = []
        for message in messages:
            content = self._form(self.spelling.guard(message.content))
            if message.images:
                shown = [{"type": "image"}] * len(message.images)
                content = [*shown, *_parts(self.spelling.guard(message.content))]
            plain.append({"role": message.role, "content": content})
        switched = {} if thinking is None else self._switched(thinking)
        return self._apply(plain, **switched, **options)

    def _switched(self, thinking: bool) -> Mapping[str, bool]:
        if not self._switches:
            message = "the student's chat template cannot switch thinking on or off"
            raise StageError(message, help="leave 'student.prompt.thinking' out")
        return dict.fromkeys(self._switches, thinking)

    def _apply(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> str:
        from jinja2 import TemplateError

        try:
            text: str = self.tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                chat_template=self.template,
                strftime_now=DAY.strftime,
                **options,
            )
        except (TemplateError, TypeError, ValueError) as error:
            roles = ", ".join(message["role"] for message in messages)
            raise StageError(
                f"the student's chat template refuses a conversation of {roles}: {error}",
                help="it may have no system text: say it in the template of 'student.prompt'",
            ) from error
        return text


def _text(content: str) -> Any:
    return content


def _parts(content: str) -> Any:
    return [{"type": "text", "text": content}]

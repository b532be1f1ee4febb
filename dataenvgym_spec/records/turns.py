"""What an item may show besides its question: turns of a conversation, and tools to call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.record import Record


class Turn(Record, frozen=True, kw_only=True):
    """What was said before a question.

    Attributes:
        role: who says it.
        text: what is said.
        images: what is shown before the text.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    images: tuple[Picture, ...] = ()


class ToolSchema(Record, frozen=True, kw_only=True):
    """A function that an answer may call.

    Attributes:
        name: what a call names.
        description: what it does.
        parameters: JSON Schema of its arguments.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)

    @property
    def signature(self) -> str:
        """The tool in a line.

        Examples:
            >>> text = {"type": "string"}
            >>> ToolSchema(name="say", parameters={"properties": {"what": text}}).signature
            'say(what: string)'
        """
        properties: dict[str, Any] = self.parameters.get("properties", {})
        named = [f"{name}: {one.get('type', 'any')}" for name, one in properties.items()]
        described = f": {self.description}" if self.description else ""
        return f"{self.name}({', '.join(named)}){described}"

    def function(self) -> dict[str, Any]:
        """The tool in the form that chat templates and services take.

        Examples:
            >>> ToolSchema(name="now").function()["function"]["name"]
            'now'
        """
        described = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": described}


def asked(text: str, before: Sequence[Turn], tools: Sequence[ToolSchema]) -> str:
    """A question in words, with what was said before and what can be called.

    Examples:
        >>> before = [Turn(role="user", text="Is 2 even?")]
        >>> print(asked("And 3?", before, [ToolSchema(name="even")]))
        user: Is 2 even?
        And 3?
        Tools:
        - even()
    """
    lines = [f"{turn.role}: {turn.text}" for turn in before] + [text]
    if tools:
        lines += ["Tools:", *(f"- {tool.signature}" for tool in tools)]
    return "\n".join(lines)

"""What an item may show besides its question: turns of a conversation, and tools to call."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.record import Record


class Turn(Record, frozen=True, kw_only=True):
    """What was said before a question.

    Attributes:
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

    def function(self) -> dict[str, Any]:
        """The tool in the form that chat templates and services take.

        >>> ToolSchema(name="now").function()["function"]["name"]
        'now'
        """
        described = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": described}

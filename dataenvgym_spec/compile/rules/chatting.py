"""Prompts are conversations where the student has a chat template, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dataenvgym_spec.core.chat_template import SWITCHES, switches
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.student import Prompt
from dataenvgym_spec.resolve.arms import Arm

SPOKEN: Final = ("system", "thinking")
"""Options of a prompt that act in conversations only."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Options that need a conversation, and a conversation that the model was not made for."""
    prompt, node = arm.experiment.student.prompt, arm.node.at(("student", "prompt"))
    if not prompt.chat:
        yield from _unspoken(prompt, node)
    for path in definition("model", arm.experiment.student.model["kind"]).files:
        place = ("student", "model", *path)
        file = arm.references.get(place)
        if file is not None and file.path and file.config is not None:
            yield from _fits(prompt, node, file.chat_template, file.path, arm.node.at(place))


def _unspoken(prompt: Prompt, node: Node) -> Iterator[Diagnostic]:
    for name in SPOKEN:
        if getattr(prompt, name) is not None:
            message = f"'{name}' is for conversations, and this prompt is a text"
            help = f"add 'chat: true', or leave '{name}' out"
            yield node.at((name,)).key_fault("E204", message, help)


def _fits(
    prompt: Prompt, node: Node, template: str | None, name: str, model: Node
) -> Iterator[Diagnostic]:
    """Whether a model's chat template is there, can do what is asked of it, and is used."""
    if prompt.chat and template is None:
        message = f"'{name}' has no chat template, and the prompt is a conversation"
        help = "leave 'chat' out, or take a model that was made for conversations"
        yield node.at(("chat",)).fault("E204", message, help)
    elif template is not None and not prompt.chat and node.find("chat") is None:
        message = f"'{name}' has a chat template, and the prompt does not use it"
        help = "add 'chat: true' to 'student.prompt'; or say 'chat: false' if that is meant"
        yield model.fault("W405", message, help, severity="warning")
    if template is not None and prompt.thinking is not None and not switches(template):
        message = f"the chat template of '{name}' cannot switch thinking on or off"
        help = f"leave 'thinking' out: a template that can reads {' or '.join(SWITCHES)}"
        yield node.at(("thinking",)).fault("E204", message, help)

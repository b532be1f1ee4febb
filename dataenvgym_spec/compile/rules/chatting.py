"""Prompts are conversations where the student has a chat template, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.core.chat_template import SWITCHES, switches
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.student import Prompt
from dataenvgym_spec.resolve.arms import Arm

SPOKEN: Final = ("system", "few_shot", "thinking")
"""Options of a prompt that act in conversations only."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Options that need a conversation, and a conversation that the model was not made for."""
    for place, prompt in arm.experiment.prompts():
        node = arm.node.at(place)
        if not prompt.chat:
            yield from _unspoken(prompt, node)
        elif prompt.few_shot is not None:
            shown = node.at(("few_shot",))
            yield from _shots(arm, shown, prompt.few_shot.from_, prompt.few_shot.count)
        yield from _model(arm, prompt, node)


def _model(arm: Arm, prompt: Prompt, node: Node) -> Iterator[Diagnostic]:
    for path in definition("model", arm.experiment.student.model["kind"]).files:
        place = ("student", "model", *path)
        file = arm.references.get(place)
        if file is None or not file.path or file.config is None:
            continue
        yield from _fits(prompt, node, file.chat_template, file.path)
        # A baseline may be the student asked as a base model.
        of_student = prompt is arm.experiment.student.prompt
        unused = file.chat_template is not None and not prompt.chat and node.find("chat") is None
        if of_student and unused:
            message = f"'{file.path}' has a chat template, and the prompt does not use it"
            help = "add 'chat: true' to 'student.prompt'; or say 'chat: false' if that is meant"
            yield arm.node.at(place).fault("W405", message, help, severity="warning")


def _unspoken(prompt: Prompt, node: Node) -> Iterator[Diagnostic]:
    for name in SPOKEN:
        if getattr(prompt, name) is not None:
            message = f"'{name}' is for conversations, and this prompt is a text"
            help = f"add 'chat: true', or leave '{name}' out"
            yield node.at((name,)).key_fault("E204", message, help)


def _shots(arm: Arm, node: Node, name: str, count: int) -> Iterator[Diagnostic]:
    """What cannot be shown before each question: what a split may hold, or what never ends."""
    splits, source = arm.experiment.task.splits, supply(arm, name)
    if name == "pool":
        if splits.pool is None:
            message = "the prompt shows items of the pool, but 'task.splits' has none"
            help = "add 'pool: {from: SOURCE, draw: rest}' to 'task.splits', or name a source"
            yield node.at(("from",)).fault("E204", message, help)
        return
    if source is None:
        return
    for role, split in splits.drawn().items():
        other = supply(arm, split.from_)
        if other is not None and other.rows() == source.rows():
            message = f"the prompt shows items of '{name}', which the {role} split draws from"
            help = "write 'from: pool', or name a source that no split draws from"
            yield node.at(("from",)).fault("E204", message, help)
            return
    if source.declared.procedural:
        message = f"the prompt shows items of '{name}', which makes new ones without end"
        help = "name a source that has an end, such as a file, or write 'from: pool'"
        yield node.at(("from",)).fault("E204", message, help)
    rows = source.file.rows if source.file is not None else None
    if rows is not None and rows < count:
        message = f"the prompt shows {count} items of '{name}', which has {rows} rows"
        yield node.at(("count",)).fault("E204", message, f"set it to {rows} at most")


def _fits(prompt: Prompt, node: Node, template: str | None, name: str) -> Iterator[Diagnostic]:
    """Whether a model's chat template is there, and can do what is asked of it."""
    if prompt.chat and template is None:
        message = f"'{name}' has no chat template, and the prompt is a conversation"
        help = "leave 'chat' out, or take a model that was made for conversations"
        yield node.at(("chat",)).fault("E204", message, help)
    if template is not None and prompt.thinking is not None and not switches(template):
        message = f"the chat template of '{name}' cannot switch thinking on or off"
        help = f"leave 'thinking' out: a template that can reads {' or '.join(SWITCHES)}"
        yield node.at(("thinking",)).fault("E204", message, help)

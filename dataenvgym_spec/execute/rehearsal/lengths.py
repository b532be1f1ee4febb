"""How long prompts are, and what of them with their answers, in the tokens of the real student."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.inputs import Inputs
from dataenvgym_spec.execute.prompts import prompts_of
from dataenvgym_spec.execute.run import working
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.codec import Encoder
from dataenvgym_spec.gym.students.pretrained import read_tokenizer, sees
from dataenvgym_spec.gym.students.vision import Vision
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import scratch

LETTERS: Final = 4
"""Of English text a token, about; where the tokenizer is made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The lengths of an arm's prompts, in tokens.

    Attributes:
        prompts: of each item that was asked.
        examples: of each prompt with the answer that would be learned.
    """

    prompts: tuple[int, ...]
    examples: tuple[int, ...]

    @property
    def longest(self) -> int:
        """Of the longest prompt."""
        return max(self.prompts, default=0)


def lengths(layout: Layout, stages: Sequence[Stage], *, counts: bool) -> Lengths:
    """The lengths of what students were asked in some stages.

    Args:
        layout: the folder of the rehearsal.
        stages: those that are done.
        counts: whether the tokenizer is the real one; if not, letters are counted.
    """
    prompts: list[int] = []
    examples: list[int] = []
    known: set[str] = set()
    for stage in stages:
        asked = _asking(stage)
        if asked is None or asked in known:
            continue
        known.add(asked)
        for prompt, whole in _measured(layout, stage, counts=counts):
            prompts.append(prompt)
            examples.append(whole)
    return Lengths(prompts=tuple(prompts), examples=tuple(examples))


def _asking(stage: Stage) -> str | None:
    """What a stage asks of a student, whichever student it is; None if it asks nothing."""
    items = [read.stage for read in stage.inputs if read.slot == "items"]
    if stage.kind != "evaluate" or not items:
        return None
    plain = stage.plain
    return canonical([items, plain.get("template"), plain.get("chat")])


def _measured(layout: Layout, stage: Stage, *, counts: bool) -> Iterator[tuple[int, int]]:
    content = read_stage(layout, stage.directory)
    parsed = Stage.parse(content)
    inputs = Inputs.of(layout, content, parsed)
    context: Any = working(layout, parsed, inputs, scratch(layout, stage.directory), {})
    try:
        ask = prompts_of(context)
        student = next(port for port in (*context.ports("base"), *context.ports("student")))
        folder = context.folder(student)
        vision = Vision(folder) if sees(folder) else None
        encoder = Encoder(vision.tokenizer if vision else read_tokenizer(folder), vision)
        for port in context.ports("items"):
            for item in read_all(Path(port.path) / "items.jsonl", Item):
                prompt = ask.prompt(item)
                yield _length(encoder, prompt, item.target, counts=counts)
    except UserError:
        return  # the stage itself says so


def _length(encoder: Encoder, prompt: Prompt, target: str, *, counts: bool) -> tuple[int, int]:
    if counts:
        asked = len(encoder.prompt(prompt))
        return asked, asked + len(encoder.answer(prompt, target))
    text = encoder.chat.prompt(prompt) if prompt.messages else prompt.text
    images = _of_images(encoder, prompt)
    return images - (-len(text) // LETTERS), images - (-(len(text) + len(target)) // LETTERS)


def _of_images(encoder: Encoder, prompt: Prompt) -> int:
    """The tokens that stand for the images of a prompt."""
    if encoder.vision is None or not prompt.pictures:
        return 0
    token = int(getattr(encoder.vision.processor, "image_token_id", -1))
    return encoder.inputs(prompt).ids.count(token)

"""Prompts with images, through the processor of a vision-language student.

A processor makes of an image the numbers that the model sees, and says which tokens stand for it.
What is asked and answered in words is the business of `codec`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.prompt import Image
from dataenvgym_spec.gym.students.pretrained import read_processor
from dataenvgym_spec.gym.students.spelling import BREAK

ANSWERS: Final = {"token_type_ids": 1}
"""What inputs beside the tokens are for those of an answer, where that is not 0.

PaliGemma reads its prompt in both directions, and its answer in one.
"""
TEXT: Final = ("input_ids", "attention_mask", "labels")
KEPT: Final = 1 << 29
"""Bytes of images that are held ready for the next pass; of more, each is processed again."""

Seen = dict[str, Any]
"""Tensors by the names that a model has for them; torch is imported when some are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """A prompt as a model takes it.

    Attributes:
        ids: its tokens, those that stand for images included.
        beside: what a model takes besides for each token, by name.
        seen: what it sees: tensors whose first dimension counts images, or parts of them.
    """

    ids: list[int]
    beside: Mapping[str, list[int]] = field(default_factory=dict)
    seen: Seen = field(default_factory=dict)


class Vision:
    """The processor of a student."""

    def __init__(self, model: Path) -> None:
        """Loads it.

        Raises:
            StageError: it is missing.
            MissingExtra: it needs a package that is not installed.
        """
        self.processor = read_processor(model)
        self.tokenizer = self.processor.tokenizer

    def placeholders(self, count: int) -> str:
        """What stands for so many images before a prompt that is a text.

        Raises:
            StageError: this student is only shown images in conversations.
        """
        token = getattr(self.processor, "image_token", None)
        if not isinstance(token, str):
            message = "this student is shown images in conversations only"
            raise StageError(message, help="set 'student.prompt.chat' to true")
        return token * count

    def inputs(self, guarded: str, images: Sequence[Image], *, whole: bool) -> Inputs:
        """A prompt with its images.

        What only looks like a special token gets a space: the processor could not tell it apart.

        Args:
            guarded: the text, with what stands for each image; see `Spelling`.
            images: in their order.
            whole: whether the text has all of its special tokens.

        Raises:
            StageError: the processor does not take it, or an image cannot be read.
        """
        shown = [_opened(image) for image in images]
        options = {"add_special_tokens": False} if whole else {}
        try:
            made = self.processor(
                text=[guarded.replace(BREAK, " ")],
                images=[shown] if shown else None,
                return_tensors="pt",
                **options,
            )
        except (ValueError, TypeError, IndexError) as error:
            message = f"the student's processor refuses a prompt with {len(shown)} images: {error}"
            raise StageError(message, help="show it as many images as it is made for") from error
        ids = made["input_ids"]
        beside, seen = {}, {}
        for name, value in made.items():
            if name in TEXT:
                continue
            if value.shape == ids.shape:
                beside[name] = value[0].tolist()
            else:
                seen[name] = value
        return Inputs(ids=ids[0].tolist(), beside=beside, seen=seen)


class Gallery:
    """Prompts by their numbers, with what is seen of them.

    That is held ready as far as there is room; the rest is processed again when it is needed.
    """

    def __init__(self, make: Callable[[int], Inputs], room: int = KEPT) -> None:
        self.make, self.room = make, room
        self.held: dict[int, Seen] = {}

    def look(self, number: int) -> Inputs:
        """A prompt for the first time."""
        inputs = self.make(number)
        size = sum(part.numel() * part.element_size() for part in inputs.seen.values())
        if size <= self.room:
            self.room -= size
            self.held[number] = inputs.seen
        return Inputs(ids=inputs.ids, beside=inputs.beside)

    def seen(self, number: int) -> Seen:
        """What is seen of a prompt."""
        held = self.held.get(number)
        return self.make(number).seen if held is None else held


def stacked(rows: Sequence[Seen]) -> Seen:
    """What several prompts show as one batch.

    Tensors of unequal sizes are filled with zeros, which a processor says are no image.
    """
    import torch

    names = {name for row in rows for name in row}
    batch = {}
    for name in sorted(names):
        parts = [row[name] for row in rows if name in row]
        sizes = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
        batch[name] = torch.cat([_filled(part, sizes) for part in parts])
    return batch


def _filled(part: Any, sizes: Sequence[int]) -> Any:
    """A tensor whose dimensions but the first have these sizes."""
    import torch

    missing = []
    for size, wanted in zip(reversed(part.shape[1:]), reversed(sizes), strict=True):
        missing += [0, wanted - size]
    return torch.nn.functional.pad(part, missing) if any(missing) else part


def _opened(image: Image) -> Any:
    from PIL import Image as Pillow

    if image.path is None:
        raise StageError("an image of a prompt has no file", help="give it the image's path")
    try:
        with Pillow.open(image.path) as opened:
            return opened.convert("RGB")
    except OSError as error:
        message = f"the image '{image.path}' cannot be read: {error}"
        raise StageError(message, help="run the stage again that wrote it") from error

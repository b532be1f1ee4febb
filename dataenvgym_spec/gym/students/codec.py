"""Between text and tokens: one way for all backends, so that each reads and writes the same."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.gym.students.chat import Chat
from dataenvgym_spec.gym.students.pretrained import (
    read_config,
    read_tokenizer,
    sees,
    special_tokens,
)
from dataenvgym_spec.gym.students.spelling import Spelling
from dataenvgym_spec.gym.students.vision import Inputs, Vision

UNSCALED: Final = frozenset({"default", "llama3"})
"""Rotary positions whose number a model's configuration states as it is."""


class Encoder:
    """A student's tokenizer: prompts as tokens, and the answers that it learns to them.

    Args of the constructor:
        tokenizer: the tokenizer.
        vision: the processor of a student that sees.
    """

    def __init__(self, tokenizer: Any, vision: Vision | None = None) -> None:
        self.tokenizer, self.vision = tokenizer, vision
        self.spelling = Spelling(tokenizer)

    @cached_property
    def chat(self) -> Chat:
        """The student's chat template.

        Raises:
            StageError: it has none.
        """
        return Chat(self.tokenizer, self.spelling)

    def inputs(self, prompt: Prompt | str) -> Inputs:
        """A prompt as the model takes it: tokens and, of a student that sees, what it sees.

        Raises:
            StageError: see `prompt`, or the processor does not take it.
        """
        if self.vision is None:
            return Inputs(ids=self.prompt(prompt))
        if isinstance(prompt, str):
            prompt = Prompt(text=prompt)
        if prompt.messages:
            text = self.chat.prompt(prompt)
        else:
            text = self.spelling.guard_given(prompt.text, prompt.given)
            text = self.vision.placeholders(len(prompt.images)) + text
        return self.vision.inputs(text, prompt.pictures, whole=bool(prompt.messages))

    def prompt(self, prompt: Prompt | str) -> list[int]:
        """The tokens of a prompt.

        A conversation has the special tokens that its template gives it, and no others.

        Raises:
            StageError: the chat template is missing, or does not take the conversation.
        """
        if self.vision is not None:
            return self.inputs(prompt).ids
        if isinstance(prompt, str):
            return self.spelling.encode(prompt, add_special_tokens=True)
        if prompt.pictures:
            message = "an item has images, and this student reads text alone"
            raise StageError(message, help="take a model that sees, or a source without images")
        if prompt.messages:
            return self.spelling.encode(self.chat.prompt(prompt), add_special_tokens=False)
        guarded = self.spelling.guard_given(prompt.text, prompt.given)
        return self.spelling.encode(guarded, add_special_tokens=True)

    def answer(self, prompt: Prompt | str, text: str) -> list[int]:
        """The tokens of an answer to a prompt, and the token that ends it.

        Raises:
            StageError: no token ends it.
        """
        guarded = self.spelling.guard(text)
        if isinstance(prompt, Prompt) and prompt.messages:
            return self._turn(prompt, guarded + self.chat.end)
        if self.tokenizer.eos_token_id is None:
            message = "the student's tokenizer has no end-of-text token, so no answer could end"
            raise StageError(message, help="set 'eos_token' in its tokenizer_config.json")
        ids = self.spelling.encode(guarded, add_special_tokens=False)
        return [*ids, self.tokenizer.eos_token_id]

    def _turn(self, prompt: Prompt, guarded: str) -> list[int]:
        """An answer with its end, tokenized behind its prompt if that leaves the prompt's tokens.

        Some tokenizers begin a text as they do not go on with one.
        """
        if self.vision is not None:
            return self.spelling.encode(guarded, add_special_tokens=False)
        asked = self.prompt(prompt)
        whole = self.spelling.encode(self.chat.prompt(prompt) + guarded, add_special_tokens=False)
        if whole[: len(asked)] == asked:
            return whole[len(asked) :]
        return self.spelling.encode(guarded, add_special_tokens=False)


class Codec:
    """A student's tokenizer, with the tokens that end a completion and the room there is for one.

    Attributes:
        ends: the tokens that end a completion: the model's, and the tokenizer's, which training
            puts behind each answer; once a conversation was encoded, the end of a turn as well.
        pad: the token that fills a batch.
    """

    def __init__(self, model: Path, *, max_new_tokens: int) -> None:
        self.vision = Vision(model) if sees(model) else None
        self.tokenizer = read_tokenizer(model) if self.vision is None else self.vision.tokenizer
        # Padded on the left, every prompt of a batch ends where its completion begins.
        self.tokenizer.padding_side = "left"
        self.encoder = Encoder(self.tokenizer, self.vision)
        self.longest = max_new_tokens
        self.positions = _positions(read_config(model))
        special = special_tokens(model)
        self.ends = frozenset(_ids(special.eos_token_id) + _ids(self.tokenizer.eos_token_id))
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.pad: int | None = self.tokenizer.pad_token_id

    def encode(self, prompt: Prompt | str) -> list[int]:
        """The tokens of a whole prompt; of a text alone, what looks like a special token is one.

        Raises:
            StageError: the chat template is missing, or does not take the conversation.
        """
        return self.inputs(prompt).ids

    def inputs(self, prompt: Prompt | str) -> Inputs:
        """A whole prompt as the model takes it, with what is seen of its images.

        Raises:
            StageError: see `encode`, or the processor does not take it.
        """
        if isinstance(prompt, Prompt) and prompt.messages:
            self.ends |= {self.encoder.chat.end_token}
        return self.encoder.inputs(prompt)

    def room(self, prompt: Sequence[int]) -> int:
        """How many tokens a completion may have: none behind a prompt that fills the model."""
        if self.positions is None:
            return self.longest
        return max(0, min(self.longest, self.positions - len(prompt)))

    def completion(self, prompt: Sequence[int], generated: Sequence[int]) -> Completion:
        """What was generated behind a prompt, up to the first token that ends it."""
        length = len(generated)
        end = next((at for at in range(length) if generated[at] in self.ends), None)
        text = self.tokenizer.decode(
            list(generated[:end]), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Completion(
            text=text,
            tokens=length if end is None else end + 1,
            prompt_tokens=len(prompt),
            truncated=end is None,
        )


def _ids(value: Any) -> list[int]:
    """The ids of a special token, of which a model may have none, one or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _positions(config: Any) -> int | None:
    """How many tokens a model was made for; None where nothing or a scaled number says so."""
    text = config.get_text_config(decoder=True)
    rotary = getattr(text, "rope_parameters", None) or {}
    # Some models have other rotary positions in each kind of layer.
    kinds = [rotary, *(part for part in rotary.values() if isinstance(part, dict))]
    if not UNSCALED.issuperset(kind.get("rope_type", "default") for kind in kinds):
        return None
    positions = getattr(text, "max_position_embeddings", None)
    return positions if isinstance(positions, int) and positions > 0 else None

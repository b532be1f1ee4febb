"""Says one sign after the other."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from dataenvgym_spec.gym import Codec, Completion, GenerationSettings, Prompt, read_model


def unseen(prompt: Prompt | str) -> Prompt | str:
    """A prompt as one reads it who opens the images and looks away."""
    if isinstance(prompt, str):
        return prompt
    for image in prompt.pictures:
        assert image.path is not None and Path(image.path).read_bytes()
    return msgspec.structs.replace(prompt, images=())


class Aloud:
    """Generates greedily, without a cache and one prompt at a time."""

    device = "aloud"

    def __init__(self, *, settings: GenerationSettings, model: Path, adapter: Path | None) -> None:
        self.settings = settings
        self.codec = Codec(model, max_new_tokens=settings.max_new_tokens)
        self.model: Any = read_model(model, dtype=torch.float32, adapter=adapter)

    def generate(self, prompts: Sequence[Prompt | str]) -> list[Completion]:
        """Completes prompts, in their order."""
        return [self._complete(prompt) for prompt in prompts]

    def _complete(self, prompt: Prompt | str) -> Completion:
        ids = self.codec.encode(unseen(prompt))
        said: list[int] = []
        while len(said) < self.codec.room(ids) and not self.codec.ends.intersection(said):
            with torch.inference_mode():
                scores = self.model(input_ids=torch.tensor([ids + said])).logits[0, -1]
            said.append(int(scores.argmax()))
        return self.codec.completion(ids, said)

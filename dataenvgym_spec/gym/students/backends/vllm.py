"""Generation with vLLM, in this process; how it is started is in `vllm_engine`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.protocol import Completion, GenerationSettings
from dataenvgym_spec.gym.students.backends.vllm_engine import VllmEngine, Wanted


class VllmBackend:
    """A student loaded by vLLM, with a LoRA adapter if it has one.

    By default a prompt is begun as soon as another one ends, so that what it is computed beside
    depends on all before it.
    """

    def __init__(
        self,
        *,
        settings: GenerationSettings,
        model: Path,
        adapter: Path | None,
        separate_batches: bool = False,
    ) -> None:
        self.settings, self.separate_batches = settings, separate_batches
        self.engine = VllmEngine(
            model,
            adapter=adapter,
            dtype=settings.dtype,
            longest=settings.max_new_tokens,
            side_by_side=settings.batch_size,
            repeatable=settings.repeatable,
        )
        self.device, self.gpus = self.engine.device, self.engine.gpus

    def adapt(self, adapter: Path | None) -> None:
        """Has the next completions be of another adapter on the same model, or anew of none."""
        self.engine.adapt(adapter)

    def generate(
        self, prompts: Sequence[Prompt | str], seeds: Sequence[int] = ()
    ) -> list[Completion]:
        """Completes prompts, in their order."""
        drawn: Sequence[int | None] = seeds or [None] * len(prompts)
        wanted = []
        for prompt, seed in zip(prompts, drawn, strict=True):
            wanted.append(Wanted(prompt=prompt, seed=seed))
        if not self.separate_batches:
            return self._completed(wanted)
        completions = []
        for group in self.groups(prompts):
            self.engine.forget()
            completions += self._completed([wanted[place] for place in group])
        return completions

    def groups(self, prompts: Sequence[Prompt | str]) -> list[list[int]]:
        """Which prompts are generated side by side, where batches are separate: in order."""
        size, count = self.settings.batch_size, len(prompts)
        return [list(range(at, min(at + size, count))) for at in range(0, count, size)]

    def _completed(self, wanted: Sequence[Wanted]) -> list[Completion]:
        settings = self.settings
        generated = self.engine.generate(
            wanted, temperature=settings.temperature, top_p=settings.top_p
        )
        completions = {place: one.completion for place, one in generated}
        return [completions[place] for place in range(len(wanted))]

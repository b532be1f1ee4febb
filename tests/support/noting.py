"""A student that keeps what it was asked, in the place of the one that an evaluation loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute import answering
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.records.files import read_rows
from tests.support.golden import TEMPLATE, Workshop, component


class Noting:
    """Answers as the seed says, a greedy one as the prompt does, and keeps each call."""

    device = "cpu"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[list[tuple[str, int | None]]] = []
        monkeypatch.setattr(answering, "load_backend", lambda *_, **__: self)

    @property
    def asked(self) -> list[tuple[str, int | None]]:
        """The prompts of the last call, with their seeds."""
        return self.calls[-1]

    def generate(self, prompts: Sequence[str], seeds: Sequence[int] = ()) -> list[Completion]:
        drawn: list[int | None] = list(seeds) or [None] * len(prompts)
        self.calls.append(list(zip(prompts, drawn, strict=True)))
        texts = [answer(prompt, seed) for prompt, seed in self.asked]
        return [Completion(text=one, tokens=1, prompt_tokens=1, truncated=False) for one in texts]


def answer(prompt: str, seed: int | None) -> str:
    """What it answers."""
    return str(len(str(prompt)) if seed is None else seed % 7)


def evaluated(
    folder: Path, *, seed: int | None = None, salt: int | None = None, **generate: Any
) -> list[dict[str, Any]]:
    """The rows of its evaluation on a small selection split."""
    shop = Workshop(folder)
    shop.data("selection")
    params: dict[str, Any] = {
        "splits": ["selection"],
        "generate": {"dtype": "float32", "backend": "vllm", "max_new_tokens": 2, **generate},
        "template": TEMPLATE,
        "score": component("scorer", "exact-match"),
    }
    given = {"seed": seed, "salt": salt}
    params |= {name: value for name, value in given.items() if value is not None}
    reads = (("student", "selection", "selection"), ("items", "selection", "selection"))
    out = shop.run("evaluate", "evaluate", params, reads)
    return read_rows(out / "selection" / "results.jsonl")

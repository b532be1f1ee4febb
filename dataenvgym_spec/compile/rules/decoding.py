"""Settings of generation fit each other: several answers differ only where tokens are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm

COLDEST: Final = 0.01
"""vLLM raises a temperature below it (vllm/sampling_params.py), and draws are greedy there."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Several greedy answers, and a temperature that is greedy in all but name."""
    generate = arm.experiment.student.generate
    node = arm.node.at(("student", "generate"))
    if generate.samples > 1 and not generate.draws:
        message = f"greedy decoding gives {generate.samples} equal answers to an item"
        help = "set 'temperature' above 0, or leave 'samples' out"
        yield node.at(("samples",)).fault("E204", message, help)
    if 0 < generate.temperature < COLDEST:
        message = f"a temperature of {generate.temperature:g} is too small to draw with"
        help = f"write 0 for greedy decoding, or at least {COLDEST}"
        yield node.at(("temperature",)).fault("E204", message, help)

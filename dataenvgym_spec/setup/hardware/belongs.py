"""What a hardware profile may not say: whatever changes results is in the spec, and in its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.student import Generate, Train

Section = type[msgspec.Struct]

SECTIONS: Final[tuple[tuple[str, str, Section], ...]] = (
    ("training", "student.train", Train),
    ("generation", "student.generate", Generate),
    ("evaluation", "student.generate", Generate),
)
"""A part of the profile, the place of the spec that it goes with, and what is said there."""
PRECISION: Final = (
    *("bf16", "bfloat16", "fp16", "float16", "fp8", "fp32", "float32", "tf32", "half"),
    *("dtype", "precision", "autocast", "torch_dtype"),
)
"""Parts of words that mean a precision of arithmetic or weights."""
QUANTIZED: Final = (
    "quantiz",
    "quantis",
    "4bit",
    "8bit",
    "int8",
    "int4",
    "nf4",
    "fp4",
    "gptq",
    "awq",
)
"""Parts of words that mean fewer bits of a weight."""


def in_spec(tree: Node, known: dict[str, Any]) -> Iterator[Diagnostic]:
    """A finding for each key that changes results, with the place of the spec for it.

    Args:
        tree: the profile.
        known: the schema of a profile, whose own keys are right.
    """
    if not isinstance(tree.value, dict):
        return
    for name, part in tree.value.items():
        if name not in known["properties"]:
            yield from _found(name, part, "")
            continue
        if isinstance(part.value, dict):
            own = known["properties"][name]["properties"]
            for key, value in part.value.items():
                if key not in own:
                    yield from _found(key, value, name)


def _found(key: str, value: Node, section: str) -> Iterator[Diagnostic]:
    """What is said of a key that a profile does not have; nothing if no spec has the like."""
    places = _places(key, section)
    if places:
        message = f"'{key}' changes results, so no hardware profile says it"
        yield value.key_fault("E102", message, f"say it in the spec, by {' or '.join(places)}")


def _places(key: str, section: str) -> list[str]:
    """Where a spec says what a word means."""
    word = key.lower().replace("-", "_")
    fitting = [row for row in SECTIONS if section in ("", row[0])] or list(SECTIONS)
    if any(part in word for part in QUANTIZED):
        return ["student.train.adapter: {kind: qlora}"]
    if any(part in word for part in PRECISION):
        found = [f"{place}.dtype" for _, place, _ in fitting]
    else:
        found = [f"{place}.{word}" for _, place, record in fitting if word in _keys(record)]
    return list(dict.fromkeys(found))  # two parts may go with one place


def _keys(record: Section) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(record)}

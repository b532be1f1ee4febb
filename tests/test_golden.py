"""Every stage kind and built-in component has golden bytes, in a test of its own."""

import re

from dataenvgym_spec.language.components import definitions
from tests.support.repositories import ROOT

MODELS = ("model", "adapter", "trainer", "backend")
"""Slots whose components make weights or text of weights.

torch promises the same bytes on the same machine and versions only."""
EXTRAS = ("train", "vllm", "quantized", "preferences")
RUN_MODELS = ("diffusers",)
"""Extras of components in other slots that run a model of torch, and promise as little."""
CALL = re.compile(r'assert_golden\(\s*"([\w-]+)",\s*"([\w-]+)"')


def test_every_kind_and_component_has_golden_bytes() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    tested = {pair for text in texts for pair in CALL.findall(text)}
    built_in = {
        (slot, kind)
        for slot, kinds in definitions().items()
        for kind, item in kinds.items()
        if item.distribution is None
    }
    wanted = {
        (slot, kind)
        for slot, kind in built_in
        if slot not in MODELS and definitions()[slot][kind].extra not in RUN_MODELS
    }
    assert wanted <= tested, "give a new component golden bytes, in its own test"
    for slot, kind in built_in - wanted:
        assert definitions()[slot][kind].extra in (*EXTRAS, *RUN_MODELS)

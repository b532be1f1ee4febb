"""A model that is a directory holds a causal language model; the student's can be trained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.files import File

CAUSAL: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""How the classes that `AutoModelForCausalLM` of transformers makes are called."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """What is wrong with the directories of models."""
    for slot, holder, options in arm.experiment.components():
        if slot != "model":
            continue
        whole = holder[0] == "student" and arm.experiment.student.train.adapter is None
        for path in definition("model", options["kind"]).files:
            place = (*holder, *path)
            file = arm.references.get(place)
            if file is not None and file.path:
                whose = "student" if holder[0] == "student" else "teacher"
                node = arm.node.at(place)
                yield from _directory(node, file, whose, weights_are_trained=whole)


def _directory(
    node: Node, file: File, whose: str, *, weights_are_trained: bool
) -> Iterator[Diagnostic]:
    if file.config is None:
        message = f"'{file.path}' holds no readable 'config.json', so it is no model"
        help = "name a directory that save_pretrained() of a model wrote"
        yield node.fault("E203", message, help)
        return
    other = _not_causal(file.config)
    if other:
        message = f"'{file.path}' is {other}"
        yield node.fault("E204", message, f"a {whose} is a causal language model")
    elif "quantization_config" in file.config and weights_are_trained:
        # transformers/trainer.py: "You cannot perform fine-tuning on purely quantized models."
        message = f"the weights of '{file.path}' are quantized and cannot be trained"
        help = "add 'student.train.adapter', or name the whole model"
        yield node.fault("E204", message, help)


def _not_causal(config: dict[str, Any]) -> str:
    """What a model is that does not write text from left to right; empty for one that does.

    The names that transformers gives its classes decide it.
    """
    if config.get("is_encoder_decoder"):
        return "an encoder-decoder model"
    classes = config.get("architectures")
    if not isinstance(classes, list) or not classes:
        return ""
    if any(str(name).endswith(CAUSAL) for name in classes):
        return ""
    return f"a {classes[0]}"

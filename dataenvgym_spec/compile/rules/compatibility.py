"""Whether the parts of an arm fit each other: components and what they serve, adapters, back ends. Reports; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm

VLLM_HEAD_SIZES: Final = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""What vLLM's attention can do (vllm/v1/attention/backends/cpu_attn.py of 0.32)."""
VLLM_LARGEST_RANK: Final = 512
"""The largest LoRA rank of vLLM (vllm/config/lora.py of 0.32)."""
CAUSAL: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""How the classes that `AutoModelForCausalLM` of transformers makes are called."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """All that does not fit in one arm."""
    yield from _serves(arm)
    yield from _model(arm)
    yield from _backend(arm)


def _serves(arm: Arm) -> Iterator[Diagnostic]:
    record = arm.experiment
    actual = {
        "environment": record.environment,
        "task": record.task.kind,
        "backend": record.student.generate.backend,
    }
    for slot, path, options in record.components():
        for what, values in definition(slot, options["kind"]).serves.items():
            if actual.get(what, values[0]) not in values:
                message = (
                    f"the {slot} '{options['kind']}' does not serve the {what} '{actual[what]}'"
                )
                yield arm.node.at((*path, "kind")).fault(
                    "E204",
                    message,
                    f"it serves {', '.join(values)}; choose another {slot} or another {what}",
                )


def _width(arm: Arm) -> tuple[int | None, int | None]:
    """Width and head size of the student, where the spec or a local model's configuration says so."""
    model = arm.experiment.student.model
    if model["kind"] == "scratch":
        return model["hidden_size"], model["hidden_size"] // model["heads"]
    file = arm.references.get(("student", "model", "path"))
    config = file.config if file and file.config else {}
    width, heads, head = (
        config.get("hidden_size"),
        config.get("num_attention_heads"),
        config.get("head_dim"),
    )
    if not isinstance(width, int) or not isinstance(heads, int) or heads < 1:
        return (width if isinstance(width, int) else None), None
    return width, head if isinstance(head, int) else width // heads


def _model(arm: Arm) -> Iterator[Diagnostic]:
    file = arm.references.get(("student", "model", "path"))
    place = arm.node.at(("student", "model", "path"))
    adapter = arm.experiment.student.train.adapter
    if file is not None and file.path and file.config is None:
        yield place.fault(
            "E203",
            f"'{file.path}' holds no readable 'config.json', so it is no model",
            "name a directory that save_pretrained() of a model wrote",
        )
    elif file is not None and file.config is not None:
        if said := _not_causal(file.config):
            yield place.fault(
                "E204", f"'{file.path}' is {said}", "a student is a causal language model"
            )
        elif "quantization_config" in file.config and adapter is None:
            # transformers/trainer.py: "You cannot perform fine-tuning on purely quantized models."
            yield place.fault(
                "E204",
                f"the weights of '{file.path}' are quantized and cannot be trained",
                "add 'student.train.adapter', or name the whole model",
            )
    width, _ = _width(arm)
    if adapter is not None and width is not None and adapter.get("r", 0) > width:
        node = arm.node.at(("student", "train", "adapter", "r"))
        yield node.fault(
            "E204",
            f"a rank of {adapter['r']} is more than the student's width of {width}",
            "lower 'r': beyond the width an adapter adds nothing",
        )


def _not_causal(config: dict[str, Any]) -> str:
    """What a model is that writes no text from left to right, by the names that transformers gives its classes."""
    if config.get("is_encoder_decoder"):
        return "an encoder-decoder model"
    named = config.get("architectures")
    if (
        not isinstance(named, list)
        or not named
        or any(str(name).endswith(CAUSAL) for name in named)
    ):
        return ""
    return f"a {named[0]}"


def _backend(arm: Arm) -> Iterator[Diagnostic]:
    if arm.experiment.student.generate.backend != "vllm":
        return
    node = arm.node.at(("student", "generate", "backend"))
    model, (_, head) = arm.experiment.student.model, _width(arm)
    if model["kind"] == "scratch" and model["hidden_size"] % (2 * model["heads"]):
        return  # no student at all; `meaning` says so
    if head is not None and head not in VLLM_HEAD_SIZES:
        sizes = ", ".join(map(str, VLLM_HEAD_SIZES))
        yield node.fault(
            "E204",
            f"vLLM cannot serve a student whose heads are {head} wide",
            f"use the backend 'transformers', or heads of {sizes}",
        )
    adapter = arm.experiment.student.train.adapter
    if adapter is not None and adapter.get("r", 0) > VLLM_LARGEST_RANK:
        yield node.fault(
            "E204",
            f"vLLM cannot serve an adapter of rank {adapter['r']}",
            f"lower 'r' to {VLLM_LARGEST_RANK}, or use the backend 'transformers'",
        )

"""Whether the parts of an arm fit each other: components and what they serve, adapters, back ends. Reports; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any, Final

from dataenvgym_spec.capacity import capacity
from dataenvgym_spec.components import definition
from dataenvgym_spec.errors import Diagnostic
from dataenvgym_spec.resolve import Arm

VLLM_HEAD_SIZES: Final = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""What vLLM's attention can do (vllm/v1/attention/backends/cpu_attn.py of 0.32)."""
VLLM_LARGEST_RANK: Final = 512
"""The largest LoRA rank of vLLM (vllm/config/lora.py of 0.32)."""
CAUSAL: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
"""How the classes that `AutoModelForCausalLM` of transformers makes are called."""


def check(arm: Arm, lanes: dict[str, tuple[float, float]]) -> Iterator[Diagnostic]:
    """All that does not fit in one arm.

    Args:
        arm: the arm.
        lanes: the part of the hash space that each role owns.
    """
    yield from _serves(arm)
    yield from _model(arm)
    yield from _backend(arm)
    yield from _skills(arm)
    yield from _families(arm, lanes)


def chosen(arm: Arm) -> Iterator[tuple[str, dict[str, Any], tuple[str | int, ...]]]:
    """Every component that an arm names: slot, options and place."""
    record = arm.experiment
    yield from (("source", options, ("task", "sources", name)) for name, options in record.task.sources.items())
    yield "scorer", record.task.score, ("task", "score")
    yield "model", record.student.model, ("student", "model")
    if record.student.train.adapter is not None:
        yield "adapter", record.student.train.adapter, ("student", "train", "adapter")
    yield from (("teacher", options, ("teachers", name)) for name, options in record.teachers.items())
    yield "discovery", record.skills.discover, ("skills", "discover")
    yield "policy", record.agent.policy, ("agent", "policy")
    yield "engine", record.agent.engine, ("agent", "engine")
    yield from (("check", options, ("agent", "checks", name)) for name, options in record.agent.checks.items())


def _serves(arm: Arm) -> Iterator[Diagnostic]:
    record = arm.experiment
    actual = {"environment": record.environment, "task": record.task.kind, "backend": record.student.generate.backend}
    for slot, options, path in chosen(arm):
        for what, values in definition(slot, options["kind"]).serves.items():
            if actual.get(what, values[0]) not in values:
                message = f"the {slot} '{options['kind']}' does not serve the {what} '{actual[what]}'"
                yield arm.node.at((*path, "kind")).fault("E204", message, f"it serves {', '.join(values)}; choose another {slot} or another {what}")


def _width(arm: Arm) -> tuple[int | None, int | None]:
    """Width and head size of the student, where the spec or a local model's configuration says so."""
    model = arm.experiment.student.model
    if model["kind"] == "scratch":
        return model["hidden_size"], model["hidden_size"] // model["heads"]
    file = arm.references.get(("student", "model", "path"))
    config = file.config if file and file.config else {}
    width, heads, head = config.get("hidden_size"), config.get("num_attention_heads"), config.get("head_dim")
    if not isinstance(width, int) or not isinstance(heads, int) or heads < 1:
        return (width if isinstance(width, int) else None), None
    return width, head if isinstance(head, int) else width // heads


def _model(arm: Arm) -> Iterator[Diagnostic]:
    file = arm.references.get(("student", "model", "path"))
    place = arm.node.at(("student", "model", "path"))
    adapter = arm.experiment.student.train.adapter
    if file is not None and file.path and file.config is None:
        yield place.fault(
            "E203", f"'{file.path}' holds no readable 'config.json', so it is no model", "name a directory that save_pretrained() of a model wrote"
        )
    elif file is not None and file.config is not None:
        if said := _not_causal(file.config):
            yield place.fault("E204", f"'{file.path}' is {said}", "a student is a causal language model")
        elif "quantization_config" in file.config and adapter is None:
            # transformers/trainer.py: "You cannot perform fine-tuning on purely quantized models."
            yield place.fault(
                "E204", f"the weights of '{file.path}' are quantized and cannot be trained", "add 'student.train.adapter', or name the whole model"
            )
    width, _ = _width(arm)
    if adapter is not None and width is not None and adapter.get("r", 0) > width:
        node = arm.node.at(("student", "train", "adapter", "r"))
        yield node.fault("E204", f"a rank of {adapter['r']} is more than the student's width of {width}", "lower 'r': beyond the width an adapter adds nothing")


def _not_causal(config: dict[str, Any]) -> str:
    """What a model is that writes no text from left to right, by the names that transformers gives its classes."""
    if config.get("is_encoder_decoder"):
        return "an encoder-decoder model"
    named = config.get("architectures")
    if not isinstance(named, list) or not named or any(str(name).endswith(CAUSAL) for name in named):
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
        yield node.fault("E204", f"vLLM cannot serve a student whose heads are {head} wide", f"use the backend 'transformers', or heads of {sizes}")
    adapter = arm.experiment.student.train.adapter
    if adapter is not None and adapter.get("r", 0) > VLLM_LARGEST_RANK:
        yield node.fault("E204", f"vLLM cannot serve an adapter of rank {adapter['r']}", f"lower 'r' to {VLLM_LARGEST_RANK}, or use the backend 'transformers'")


def _skills(arm: Arm) -> Iterator[Diagnostic]:
    record = arm.experiment
    source = record.task.sources.get(record.task.splits.feedback.from_, {})
    if record.skills.discover["kind"] == "gold" and "fields" in source and "group" not in source["fields"]:
        name = record.task.splits.feedback.from_
        message = f"'{record.environment}' needs skills, but the source '{name}' does not say which column names them"
        yield arm.node.at(("task", "sources", name, "fields")).fault("E204", message, "add 'group:' with the column of the gold skill")


def _families(arm: Arm, lanes: dict[str, tuple[float, float]]) -> Iterator[Diagnostic]:
    """Families that are too small for what splits draw or for what is to be taught."""
    task, loop = arm.experiment.task, arm.experiment.loop
    for role, (low, high) in lanes.items():
        split, share = getattr(task.splits, role), high - low
        sizes = _sizes(arm, split.from_)
        asked = {f"problems of '{name}'": (split.draw.per_group, size) for name, size in sizes.items()}
        if sizes and len(sizes) == len(task.sources.get(split.from_, {}).get("families", {})):
            asked["problems"] = (split.draw.items, sum(sizes.values()))
        for what, (wanted, size) in asked.items():
            # A lane holds a binomial number of problems; half as many again as its mean plus four deviations is out of reach.
            if wanted is not None and wanted > 1.5 * share * size + 4 * sqrt(share * size):
                message = f"'{role}' asks for {wanted} {what}: of its {size}, a share of {share:.2f} is about {share * size:.0f}"
                yield arm.node.at(("task", "splits", role, "draw")).fault("E202", message, f"draw fewer, widen the family, or raise 'share' of '{role}'")
    teacher = arm.experiment.teachers.get(str(arm.experiment.agent.engine.get("teacher")), {})
    source = task.sources.get(str(teacher.get("source")), {})
    sizes = _sizes(arm, str(teacher.get("source")))
    once = arm.experiment.agent.checks.get("duplicate", {}).get("action") == "reject"
    if once and sizes and len(sizes) == len(source.get("families", {})):
        wanted, total = loop.teach.examples * loop.iterations, sum(sizes.values())
        if wanted > total:
            message = f"{loop.iterations} iterations of {loop.teach.examples} distinct examples are {wanted}, but the families have {total} problems"
            yield arm.node.at(("loop", "teach", "examples")).fault("E202", message, "teach fewer, or widen the families")


def _sizes(arm: Arm, source: str) -> dict[str, int]:
    """The families of a source whose size is bounded."""
    families = arm.experiment.task.sources.get(source, {}).get("families", {})
    return {name: size for name, family in families.items() if (size := capacity(family)) is not None}

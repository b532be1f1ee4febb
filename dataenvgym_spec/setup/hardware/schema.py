"""The published JSON Schema (draft-07) of `hardware.yaml`, for editors and for `profile`."""

from __future__ import annotations

import copy
import json
from typing import Any, Final, get_args

from dataenvgym_spec.gym.students.trainers.protocol import Distribution
from dataenvgym_spec.language.hover import with_hover_texts
from dataenvgym_spec.setup.hardware.profile import ContainerRuntime
from dataenvgym_spec.setup.hardware.sbatch import OWN, SAID

Schema = dict[str, Any]

PUBLISHED: Final = "schemas/hardware.schema.json"
MEMORY_PATTERN: Final = r"^(?=[0-9.]*[1-9])[0-9]+(\.[0-9]+)? ?([KMGT]i?B)$"
PLACE_PATTERN: Final = r"^(?!s3://(/|$)).*\S"
NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
OPTION_PATTERN: Final = rf"^(?!({'|'.join(sorted({*SAID, *OWN}))})$)[a-z][a-z0-9-]+$"
TIME_PATTERN: Final = r"^([0-9]+-)?[0-9]+(:[0-9]{2}){0,2}$"

DISTRIBUTIONS: Final[dict[Distribution, str]] = {
    "ddp": "Each process has the whole student.",
    "fsdp2": "Weights, gradients and the optimizer's state are spread (PyTorch's FSDP2).",
    "deepspeed-zero2": "Gradients and the optimizer's state are spread; needs `deepspeed`.",
    "deepspeed-zero3": "Weights, too, are spread; needs `deepspeed`.",
}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 1}
_NAME: Final[Schema] = {"type": "string", "pattern": r"\S"}


def _mapping(description: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }


def _memory(description: str) -> Schema:
    return {"type": "string", "pattern": MEMORY_PATTERN, "description": description}


_PLACE: Final[dict[str, Schema]] = {
    "partition": {**_NAME, "description": "The partition (`sbatch --partition`)."},
    "account": {**_NAME, "description": "The account (`sbatch --account`)."},
    "time": {
        "type": ["string", "integer"],
        "pattern": TIME_PATTERN,
        "minimum": 1,
        "description": "The time limit of a job (`sbatch --time`): minutes, `4:00:00` or "
        "`1-12:00:00`.",
    },
    "cpus": {
        **_COUNT,
        "description": "The fewest processors of a job on each node; a stage that needs more "
        "asks for more, and a large model without a GPU uses as many as this.",
    },
    "memory": _memory(
        "The least main memory of a job on each node, with its unit: `64GiB`; a stage that needs "
        "more asks for more."
    ),
    "options": {
        "type": "object",
        "description": "Other options of `sbatch` by their long names, such as `qos` or "
        "`constraint`; `true` for one that takes no value.",
        "propertyNames": {"pattern": OPTION_PATTERN},
        "additionalProperties": {
            "type": ["string", "integer", "number", "boolean"],
            "description": "What follows the option; `true` for one that takes no value.",
        },
    },
}
"""What `slurm` says of all jobs, and `slurm.light` of some."""

SCHEMA: Final[Schema] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "dataenvgym_spec hardware profile",
    **_mapping(
        "What a machine and a cluster offer; part of no key.",
        machine=_mapping(
            "What stages that run side by side may use of this machine; by default all of it.",
            cpus={**_COUNT, "description": "Processors."},
            gpus={"type": "integer", "minimum": 0, "description": "GPUs."},
            memory=_memory("Main memory, with its unit: `64GiB`."),
        ),
        training=_mapping(
            "How a training is spread; batch size and precision are the spec's.",
            processes={
                **_COUNT,
                "description": "How many train together; by default one for each GPU, or one.",
            },
            device_batch={
                **_COUNT,
                "description": "The most examples that a device takes at once; by default its "
                "whole share of the spec's batch.",
            },
            distribution={
                "enum": list(DISTRIBUTIONS),
                "enumDescriptions": list(DISTRIBUTIONS.values()),
                "default": "ddp",
                "description": "How a student is spread over the processes that train it.",
            },
            num_machines={
                **_COUNT,
                "default": 1,
                "description": "How many machines train together, each with as many of the "
                "processes. `run --on ray` and `--on slurm` start the others by themselves; else "
                "run `dataenvgym join` on all but the one that runs the experiment.",
            },
            main_process_ip={
                **_NAME,
                "description": "The name or address of the machine that runs the experiment, as "
                "the others reach it; `run --on` chooses it by itself.",
            },
            main_process_port={
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
                "description": "The port at which the others reach it; by default a free one.",
            },
            recompute_activations={
                "type": "boolean",
                "default": False,
                "description": "Whether activations are computed again on the way back instead of "
                "being kept, which saves memory and takes time.",
            },
        ),
        generation=_mapping(
            "How vLLM uses GPUs, and how teachers that run in a stage are shared by processes.",
            tensor_parallel={
                **_COUNT,
                "description": "GPUs over which each layer of a model is split.",
            },
            gpu_memory={
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1,
                "description": "The share of each GPU's memory that vLLM may take.",
            },
            shards={
                **_COUNT,
                "description": "The most processes that share what a teacher in a stage is asked "
                "first, each with a model of its own; by default each stage is one process.",
            },
            min_batches={
                **_COUNT,
                "default": 4,
                "description": "The fewest batches (what a teacher answers side by side) of each "
                "of them.",
            },
        ),
        evaluation=_mapping(
            "How `run --jobs` and `run --on` share large evaluations out to processes.",
            shards={
                **_COUNT,
                "description": "The most processes that share one evaluation, each with a model "
                "of its own; by default each evaluation is one process.",
            },
            min_batches={
                **_COUNT,
                "default": 4,
                "description": "The fewest batches (`student.generate.batch_size`) of each of "
                "them; a smaller evaluation is shared by fewer, or not at all.",
            },
        ),
        ray=_mapping(
            "The Ray cluster that `run --on ray` hands stages to.",
            address={
                **_NAME,
                "description": "Where its head is, such as `auto` or `10.0.0.1:6379`; without one "
                "a cluster is started on this machine.",
            },
        ),
        slurm=_mapping(
            "How `run --on slurm` asks for nodes.",
            **_PLACE,
            gpus={
                "type": "integer",
                "minimum": 0,
                "description": "The most GPUs of a job on each node (their type is `gpu_type`), 0 "
                "where nodes have none. A training asks for one for each of its processes there, "
                "by default for all; a generation and an evaluation for "
                "`generation.tensor_parallel`, by default for one; a stage without a model for "
                "none.",
            },
            gpu_type={
                "type": "string",
                "pattern": NAME_PATTERN,
                "description": "What Slurm calls the GPUs, such as `a100`; by default any.",
            },
            light=_mapping(
                "What holds in place of the same keys of `slurm` for stages in which no model "
                "runs, such as a partition of nodes without GPUs.",
                **_PLACE,
            ),
            container_image={
                **_NAME,
                "description": "The container image that jobs run in, with `python3` and this "
                "package: a file, folder or address that `container_runtime` takes.",
            },
            container_runtime={
                "enum": list(get_args(ContainerRuntime)),
                "enumDescriptions": ["`srun --container-image`", "`apptainer exec`"],
                "default": "pyxis",
                "description": "What starts the container on a node.",
            },
            container_mounts={
                "type": "array",
                "items": {"type": "string", "pattern": "^/[^:,]*$"},
                "description": "Folders of nodes that jobs see in the container at the same path, "
                "besides the repository and DVC's cache.",
            },
        ),
        leases=_mapping(
            "How hosts that share a repository, or a remote of DVC, keep from doing a stage twice.",
            at={
                "type": "string",
                "pattern": PLACE_PATTERN,
                "description": "A folder that all of them see, or a place in object storage "
                "(`s3://bucket/leases`), or `host` for locks of one host; by default a folder of "
                "the repository if that is on a network disk, else `host`.",
            },
            seconds={
                "type": "number",
                "minimum": 1,
                "maximum": 86400,
                "description": "How long a host may give no sign of life before others take its "
                "stage over; by default 60.",
            },
        ),
    ),
}


def schema_text() -> str:
    """The schema as the text of `schemas/hardware.schema.json`."""
    published = with_hover_texts(copy.deepcopy(SCHEMA))
    return json.dumps(published, indent=2, ensure_ascii=False) + "\n"

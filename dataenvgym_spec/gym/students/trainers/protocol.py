"""What a trainer is: it turns a base model and examples into a student.

An installed trainer brings a class that satisfies `Trainer` and, beside it, the JSON definition of
its options, which the class takes as keyword arguments. `train` runs in every process that
`accelerate launch` starts; nothing of the pipeline is known to it besides its `Job`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.adapters.protocol import Adapter
from dataenvgym_spec.gym.tasks.protocol import Scorer
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.record import Record

Distribution = Literal["ddp", "fsdp2", "deepspeed-zero2", "deepspeed-zero3"]


class TrainingLength(Record, frozen=True, kw_only=True):
    """How long to train: one of the two is set.

    Attributes:
        steps: optimizer steps.
        epochs: passes over the examples.
    """

    steps: int | None = None
    epochs: float | None = None


class TrainingSettings(Record, frozen=True, kw_only=True):
    """What `student.train` of a spec says, besides trainer and adapter.

    Attributes:
        learning_rate: the peak.
        schedule: of the learning rate, after the warm-up.
        warmup_ratio: part of the steps that warm up, in [0, 1).
        max_grad_norm: gradients are clipped to this norm.
        batch_size: examples per optimizer step, over all devices.
        max_length: of prompt and completion, in tokens; longer examples are cut at the end, less
            the end-of-text token.
        dtype: of the arithmetic, and of weights that are not trained. Those that are trained are
            float32 always.
    """

    length: TrainingLength
    learning_rate: float
    schedule: Literal["cosine", "linear", "constant"]
    warmup_ratio: float
    weight_decay: float
    max_grad_norm: float
    batch_size: int
    max_length: int
    dtype: Literal["float32", "bfloat16", "float16"]


class TrainingExample(Record, frozen=True, kw_only=True):
    """A row of `Job.examples`: the prompt, and the completion to learn; see `codec.Encoder`.

    Attributes:
        item: what the scorer judges answers by, for a trainer that is declared to judge.
        rejected: an answer that is worse than the completion, where whoever made it wrote one.
    """

    prompt: Prompt | str
    completion: str
    item: Item | None = None
    rejected: str | None = None


class Pair(Record, frozen=True, kw_only=True):
    """A better and a worse answer to a prompt; a row of `log/pairs.jsonl`.

    Attributes:
        id: of the example.
        prompt: as it is shown to people.
    """

    id: str
    prompt: str
    chosen: str
    rejected: str


class Labelled(Record, frozen=True, kw_only=True):
    """An answer to a prompt, and whether it is desirable; a row of `log/labels.jsonl`.

    Attributes:
        id: of the example.
        prompt: as it is shown to people.
    """

    id: str
    prompt: str
    completion: str
    desirable: bool


class TrainingFacts(Record, frozen=True, kw_only=True):
    """What a trainer measured; it enters the stage's log, and no result depends on it.

    Attributes:
        examples: that were learned.
        cut: how many of them were longer than they may be.
        left_out: examples whose prompt left no room for an answer.
        tokens: by what was done with them; `trained` counts each pass.
        device: such as `cpu` or `cuda`.
        precision: of the arithmetic.
        weights: precision of the weights that were trained.
        threads: that a model on the CPU had.
        pairs: of a better and a worse answer that were learned.
        unpaired: examples of which there was none.
        desirable: answers that were learned as such.
        undesirable: answers that were learned as the contrary.
        sampled: answers of the student in training that were judged.
        sandbox: where they were judged.
        unreadable: how many of them could not be judged, by cause.
    """

    examples: int | None = None
    cut: int | None = None
    left_out: int | None = None
    steps: int | None = None
    tokens: dict[str, int] | None = None
    device: str | None = None
    precision: str | None = None
    weights: str | None = None
    threads: int | None = None
    training_seconds: float | None = None
    pairs: int | None = None
    unpaired: int | None = None
    desirable: int | None = None
    undesirable: int | None = None
    sampled: int | None = None
    sandbox: str | None = None
    unreadable: dict[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training run.

    Attributes:
        base: folder of the model to start from, in the transformers format.
        start: folder of an adapter on the base, in peft's format, that is trained on; None begins
            with a fresh adapter, or has none.
        examples: JSON lines, a `TrainingExample` each.
        settings: what the spec says.
        adapter: what is trained in place of all weights; None trains all of them.
        seed: of new weights and of the order of examples.
        out: folder of the trained student: an adapter alone, or a model with its tokenizer.
        checkpoints: folder for checkpoints; what a killed run left in it is there again. Where
            training outlasts a job of a cluster, it goes on in another job if a new one has come:
            a folder `checkpoint-STEP` with a file `complete` in it.
        loss: where to write the curve, a `records.logs.LossPoint` a line.
        facts: where to write a `TrainingFacts`.
        processes: how many train together, each with the whole student.
        device_batch: the most examples that one device takes at once.
        accumulation: batches of a device per optimizer step; with those of all devices they have
            room for a global batch, and none has to be full.
        checkpoint_seconds: the time between two checkpoints.
        judge: the scorer of the task, for a trainer that is declared to judge.
        pairs: where a trainer that learns from pairs may write them, a `Pair` each.
        labels: where one that learns from labelled answers may write them, a `Labelled` each.
        distribution: `ddp`, each process with the whole student; or how weights, gradients and the
            optimizer's state are spread over them, for a trainer that has `shards`.
        recompute: whether activations are computed again on the way back, to save memory.
    """

    base: Path
    examples: Path
    settings: TrainingSettings
    adapter: Adapter | None
    seed: int
    out: Path
    checkpoints: Path
    loss: Path
    facts: Path
    processes: int
    device_batch: int
    accumulation: int
    checkpoint_seconds: float
    start: Path | None = None
    judge: Scorer | None = None
    pairs: Path | None = None
    labels: Path | None = None
    distribution: Distribution = "ddp"
    recompute: bool = False


class Trainer(Protocol):
    """Trains students.

    One that trains a student whose weights are spread over processes has the attribute `shards`,
    which is true. Others are given jobs of `ddp` alone.
    """

    def train(self, job: Job) -> None:
        """Trains as the job says, and leaves `out`, `loss` and `facts`.

        The same job gives the same bytes on the same machine and versions. A job of which an
        earlier attempt was killed goes on from its last whole checkpoint, to the bytes that it
        would have had. With several processes the first one writes. Progress may be printed.
        Whatever is raised ends the stage; the last line of the traceback is shown.
        """

"""The student of a spec as typed records: model, training, generation, prompt."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from dataenvgym_spec.language.components import standard
from dataenvgym_spec.language.fields import (
    Count,
    Name,
    Options,
    Section,
    Word,
    hover,
    one,
    slot,
    word,
)


class Length(Section, frozen=True, kw_only=True):
    """How long to train."""

    steps: Annotated[Count, hover("Optimizer steps, however many examples there are.")] | None = (
        None
    )
    epochs: Annotated[float, hover("Passes over the examples.", gt=0, le=10_000)] | None = None


class PartLength(Section, frozen=True, kw_only=True):
    """How long to train on a part of another arm's examples."""

    steps: (
        Annotated[
            Count | Literal["equal"],
            hover(
                "Optimizer steps; `equal` takes as many as `student.train.length` takes on all "
                "examples of the other arm."
            ),
        ]
        | None
    ) = None
    epochs: Annotated[float, hover("Passes over the part.", gt=0, le=10_000)] | None = None

    @property
    def own(self) -> Length | None:
        """What stands in place of `student.train.length`; None where that says how long."""
        if self.steps == "equal":
            return None
        return Length(steps=self.steps, epochs=self.epochs)


class Train(Section, frozen=True, kw_only=True):
    """Supervised fine-tuning on the response only."""

    method: Annotated[Word, word("trainer", "Training method.")] = field(
        default_factory=lambda: standard("trainer")
    )
    adapter: (
        Annotated[
            Options,
            slot("adapter", "A parameter-efficient adapter; left out, all weights are trained."),
        ]
        | None
    ) = None
    length: Annotated[Length, one("`{steps: N}` or `{epochs: N}`.")]
    learning_rate: Annotated[float, hover("Peak learning rate of AdamW.", gt=0, le=10)]
    schedule: Annotated[
        Literal["cosine", "linear", "constant"],
        hover("Learning-rate schedule after the warm-up."),
    ] = "cosine"
    warmup_ratio: Annotated[float, hover("Part of the steps that warm up.", ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, hover("AdamW weight decay.", ge=0, le=10)] = 0.0
    max_grad_norm: Annotated[float, hover("Gradients are clipped to this norm.", gt=0, le=1e6)] = (
        1.0
    )
    batch_size: Annotated[
        Count, hover("Global batch: examples per optimizer step over all devices.")
    ]
    max_length: Annotated[
        int,
        hover(
            "Longest prompt plus response plus end in tokens; longer responses are cut before it.",
            ge=3,
            le=1_000_000_000,
        ),
    ] = 1024
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"],
        hover("Precision of the arithmetic in training; what is trained is kept in float32."),
    ] = "bfloat16"


class Generate(Section, frozen=True, kw_only=True):
    """How the student writes its answers."""

    backend: Annotated[Word, word("backend", "The engine that generates.")] = field(
        default_factory=lambda: standard("backend")
    )
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"],
        hover("Precision of the weights in generation."),
    ] = "bfloat16"
    max_new_tokens: Annotated[Count, hover("Longest answer in tokens.")]
    temperature: Annotated[
        float,
        hover("0: greedy. More: each token is drawn, with a seed of the run and item.", ge=0, le=2),
    ] = 0
    top_p: Annotated[
        float,
        hover("Tokens are drawn from the likeliest that make up this much.", gt=0, le=1),
    ] = 1.0
    samples: Annotated[
        int,
        hover(
            "Answers to each item; more than one are drawn, and `pass@k` is reported.",
            ge=1,
            le=1000,
        ),
    ] = 1
    batch_size: Annotated[Count, hover("Prompts generated side by side.")] = 64
    repeatable: Annotated[
        bool,
        hover("Whether a rerun gives the same; `false` allows the backend's fastest settings."),
    ] = True

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn, so that answers depend on a seed."""
        return self.temperature > 0


class FewShot(Section, frozen=True, kw_only=True):
    """Items that are asked and answered before each question; all prompts have the same."""

    from_: Annotated[
        Name, hover("`pool`, or the name of one of `task.sources` that no split draws from.")
    ] = field(name="from")
    count: Annotated[int, hover("How many: the first ones, of each group in turn.", ge=1, le=1000)]


class Prompt(Section, frozen=True, kw_only=True):
    """How an item becomes a prompt; one and the same before and after training."""

    template: Annotated[
        str,
        hover(
            "A Jinja file, relative to the spec, or a built-in: `builtin:question`.",
            extra_json_schema={"x-file": "template"},
        ),
    ]
    chat: Annotated[
        bool,
        hover("Whether the model's own chat template renders it, as what a user says."),
    ] = False
    system: (
        Annotated[
            str,
            hover("With `chat`: what the system says first.", min_length=1, max_length=100_000),
        ]
        | None
    ) = None
    few_shot: (
        Annotated[
            FewShot,
            hover("With `chat`: items that are asked and answered before each question."),
        ]
        | None
    ) = None
    thinking: (
        Annotated[
            bool,
            hover("With `chat`: what the chat template is told; left out, it has its own way."),
        ]
        | None
    ) = None


class Baseline(Section, frozen=True, kw_only=True):
    """The untaught student under another prompt."""

    prompt: Prompt


class Student(Section, frozen=True, kw_only=True):
    """The model that is taught."""

    model: Annotated[
        Options,
        slot("model", "A causal language model: from scratch, a local path, or a hub id."),
    ]
    train: Train
    generate: Generate
    prompt: Prompt

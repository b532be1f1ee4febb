"""What a user said, as typed records: one frozen record per mapping of the spec language.

The published JSON Schema is generated from these records (see `schema`), so a docstring here is a hover text there.
A slot for a component holds a plain mapping with its `kind`; the options' schema is the component's own JSON file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, field

from dataenvgym_spec.language.components import standard
from dataenvgym_spec.language.declared import REFERRED
from dataenvgym_spec.language.places import PLACES, inline, named

NAME_PATTERN: Final = "^[A-Za-z][A-Za-z0-9_-]{0,63}$"

Options = dict[str, Any]
"""A component: its `kind` and its options."""
Word = str | Options
"""A component that is written as a bare word where it has no options."""
Name = Annotated[
    str,
    Meta(
        pattern=NAME_PATTERN, description="Letters, digits, '-' and '_', beginning with a letter."
    ),
]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


def _slot(slot: str, text: str) -> Meta:
    return Meta(description=text, extra_json_schema={"x-slot": slot})


def _word(slot: str, text: str) -> Meta:
    return Meta(description=text, extra_json_schema={"x-slot-word": slot})


def _one(text: str) -> Meta:
    return Meta(description=text, extra_json_schema={"minProperties": 1, "maxProperties": 1})


class _Record(Struct, frozen=True, forbid_unknown_fields=True):
    """A mapping of the spec: unknown keys are errors."""


class Draw(_Record, frozen=True, kw_only=True):
    """How many items: the same number from every group, or a number in all."""

    per_group: (
        Annotated[
            Count,
            Meta(
                description="Items of each group (for reasoning-gym a family, for MATH a subject and level)."
            ),
        ]
        | None
    ) = None
    items: Annotated[Count, Meta(description="Items in all, whatever their group.")] | None = None


class Split(_Record, frozen=True, kw_only=True):
    """Items drawn by the hash of their content from one source, inside this role's share of the hash space."""

    from_: Annotated[Name, Meta(description="Name of one of `task.sources`.")] = field(name="from")
    draw: Annotated[Draw, _one("How many items: `{per_group: N}` or `{items: N}`.")]
    share: (
        Annotated[
            float,
            Meta(
                gt=0,
                lt=1,
                description="Part of the hash space this role owns (default: test 0.1, selection 0.05, feedback 0.1).",
            ),
        ]
        | None
    ) = None
    same_as: (
        Annotated[
            Literal["test", "selection", "feedback"],
            Meta(
                description="Use the items of another split in this role too, instead of `from` and `draw`."
            ),
        ]
        | None
    ) = None


class FeedbackSplit(Split, frozen=True, kw_only=True):
    """What the agent may learn from: a shown part for prompts, a hidden part that measures state and reward."""

    show: Annotated[
        float, Meta(gt=0, lt=1, description="Part of the items that prompts may show.")
    ] = 0.5


class Splits(_Record, frozen=True, kw_only=True):
    """The splits and their roles. They are disjoint by item and by cluster."""

    test: Annotated[
        Split, Meta(description="Sealed: reaches only the final evaluations and the report.")
    ]
    selection: Annotated[
        Split, Meta(description="Picks the best student; never shown to the agent.")
    ]
    feedback: Annotated[FeedbackSplit, Meta(description="What the agent may observe.")]


class Task(_Record, frozen=True, kw_only=True):
    """What is taught: where its items come from, how answers are scored, how the items are split."""

    kind: Annotated[Literal["math"], Meta(description="The domain.")]
    sources: Annotated[
        dict[str, Annotated[Options, _slot("source", "Where items come from.")]],
        Meta(description="Named sources of items.", min_length=1),
    ]
    score: Annotated[Options, _slot("scorer", "How an answer is scored.")]
    splits: Splits


class Length(_Record, frozen=True, kw_only=True):
    """How long to train."""

    steps: (
        Annotated[Count, Meta(description="Optimizer steps, however many examples there are.")]
        | None
    ) = None
    epochs: (
        Annotated[float, Meta(gt=0, le=10_000, description="Passes over the examples.")] | None
    ) = None


class Train(_Record, frozen=True, kw_only=True):
    """Supervised fine-tuning on the response only."""

    method: Annotated[Word, _word("trainer", "Training method.")] = field(
        default_factory=lambda: standard("trainer")
    )
    adapter: (
        Annotated[
            Options,
            _slot("adapter", "A parameter-efficient adapter; left out, all weights are trained."),
        ]
        | None
    ) = None
    length: Annotated[Length, _one("`{steps: N}` or `{epochs: N}`.")]
    learning_rate: Annotated[float, Meta(gt=0, le=10, description="Peak learning rate of AdamW.")]
    schedule: Annotated[
        Literal["cosine", "linear", "constant"],
        Meta(description="Learning-rate schedule after the warm-up."),
    ] = "cosine"
    warmup_ratio: Annotated[
        float, Meta(ge=0, lt=1, description="Part of the steps that warm up.")
    ] = 0.1
    weight_decay: Annotated[float, Meta(ge=0, le=10, description="AdamW weight decay.")] = 0.0
    max_grad_norm: Annotated[
        float, Meta(gt=0, description="Gradients are clipped to this norm.")
    ] = 1.0
    batch_size: Annotated[
        Count, Meta(description="Global batch: examples per optimizer step over all devices.")
    ]
    max_length: Annotated[
        Count, Meta(description="Longest prompt plus response in tokens; longer examples are cut.")
    ] = 1024
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"],
        Meta(description="Precision of the weights in training."),
    ] = "bfloat16"


class Generate(_Record, frozen=True, kw_only=True):
    """How the student writes its answers."""

    backend: Annotated[Word, _word("backend", "The engine that generates.")] = field(
        default_factory=lambda: standard("backend")
    )
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"],
        Meta(description="Precision of the weights in generation."),
    ] = "bfloat16"
    max_new_tokens: Annotated[Count, Meta(description="Longest answer in tokens.")]
    temperature: Annotated[
        Literal[0], Meta(description="0: greedy, the only decoding an evaluation here uses.")
    ] = 0
    batch_size: Annotated[Count, Meta(description="Prompts generated side by side.")] = 64


class Prompt(_Record, frozen=True, kw_only=True):
    """How an item becomes a prompt; one and the same before and after training."""

    template: Annotated[
        str,
        Meta(
            description="A Jinja file, relative to the spec, or a built-in: `builtin:question`.",
            extra_json_schema={"x-file": "template"},
        ),
    ]


class Student(_Record, frozen=True, kw_only=True):
    """The model that is taught."""

    model: Annotated[
        Options,
        _slot("model", "A causal language model: from scratch, a local path, or a hub id."),
    ]
    train: Train
    generate: Generate
    prompt: Prompt


class Skills(_Record, frozen=True, kw_only=True):
    """The skills that make up the task."""

    discover: Annotated[
        Options, _slot("discovery", "How the skills and the skill of every item are found.")
    ]


class Observe(_Record, frozen=True, kw_only=True):
    """What may flow from the student to the agent."""

    errors: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Errors per skill on the shown part of feedback, for prompts and reasons.",
        ),
    ] = 0
    scores: Annotated[
        bool, Meta(description="Scores per skill on the hidden part of feedback.")
    ] = True
    yield_: Annotated[
        bool,
        Meta(description="What became of earlier requests: requested and accepted, per skill."),
    ] = field(name="yield", default=True)


class Agent(_Record, frozen=True, kw_only=True):
    """The data generation agent: a policy that plans, an engine that executes the plan, checks on what it made."""

    observe: Annotated[
        Observe | Literal["nothing"],
        Meta(description="What the agent sees of the student, or `nothing`: a blind arm."),
    ] = Observe()
    policy: Annotated[Options, _slot("policy", "Decides what to generate.")]
    engine: Annotated[Options, _slot("engine", "Generates it.")]
    checks: Annotated[
        dict[str, Options],
        Meta(
            description="Checks on generated examples.", extra_json_schema={"x-slot-map": "check"}
        ),
    ] = field(default_factory=dict)


class Teach(_Record, frozen=True, kw_only=True):
    """The amount to teach in each iteration."""

    examples: Annotated[Count, Meta(description="Accepted examples per iteration.")]
    of: Annotated[Literal["accepted"], Meta(description="What the amount counts.")] = "accepted"
    refill: Annotated[
        int, Meta(ge=0, le=20, description="How often missing examples are requested again.")
    ] = 1


class Stop(_Record, frozen=True, kw_only=True):
    """When the loop ends early. The best score so far counts from iteration 1, as in `select`: the untaught student is no bar."""

    patience: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Stop after this many iterations in a row without a score on the selection split above the best one before.",
        ),
    ]


class Loop(_Record, frozen=True, kw_only=True):
    """Evaluate, plan, generate, check, train; again and again."""

    iterations: Annotated[int, Meta(ge=1, le=1000, description="How often the loop runs.")]
    train_on: Annotated[
        Literal["all", "latest"],
        Meta(description="The accepted examples of all iterations so far, or of the latest."),
    ] = "all"
    start_from: Annotated[
        Literal["base"], Meta(description="Every iteration trains from the base student.")
    ] = "base"
    teach: Teach
    stop: (
        Annotated[
            Stop,
            Meta(
                description="Stop early, decided on the selection split; left out, all iterations run."
            ),
        ]
        | None
    ) = None


class Select(_Record, frozen=True, kw_only=True):
    """Which iteration's student is called best."""

    by: Annotated[
        Literal["selection.accuracy", "last"],
        Meta(description="Accuracy on the selection split, or simply the last."),
    ] = "selection.accuracy"
    ties: Annotated[Literal["earliest"], Meta(description="Which of equal students wins.")] = (
        "earliest"
    )


class Seeds(_Record, frozen=True, kw_only=True):
    """Where randomness comes from. Arms share a run's number."""

    splits: Annotated[int, Meta(ge=0, lt=2**31, description="Draws the splits.")] = 0
    student: Annotated[
        int, Meta(ge=0, lt=2**31, description="Initialises and pretrains a student from scratch.")
    ] = 0
    run: Annotated[
        int | Annotated[list[int], Meta(min_length=1, max_length=1000)],
        Meta(
            description="One or more replicates: enters the agent's sampling and the training order."
        ),
    ] = 0

    def runs(self) -> tuple[int, ...]:
        """The run seeds as a tuple."""
        return (self.run,) if isinstance(self.run, int) else tuple(self.run)


class Contrast(_Record, frozen=True, kw_only=True):
    """A comparison that the report makes."""

    arm: Annotated[str, Meta(description="The arm in question.")]
    against: Annotated[str, Meta(description="The arm it is compared with.")]
    student: Annotated[Literal["best", "last"], Meta(description="Which student of each arm.")] = (
        "best"
    )
    split: Annotated[Literal["test"], Meta(description="Where they are compared.")] = "test"
    primary: Annotated[bool, Meta(description="The comparison the experiment was made for.")] = (
        False
    )


class Analysis(_Record, frozen=True, kw_only=True):
    """What the report compares. Never part of a key."""

    contrasts: Annotated[list[Contrast], Meta(description="Comparisons of arms.")] = field(
        default_factory=list
    )


class Limits(_Record, frozen=True, kw_only=True):
    """How much the experiment may cost in all. A guard of `dataenvgym run`: it pauses, never changes data, and is part of no key."""

    usd: (
        Annotated[float, Meta(ge=0, description="US dollars, by the prices in `prices.yaml`.")]
        | None
    ) = None
    hours: (
        Annotated[
            float,
            Meta(ge=0, description="Hours of work of all stages, whatever machine they ran on."),
        ]
        | None
    ) = None
    gpu_hours: (
        Annotated[
            float,
            Meta(
                ge=0,
                description="Hours of work on a GPU, times the GPUs in use; work on a CPU counts nothing.",
            ),
        ]
        | None
    ) = None
    tokens: (
        Annotated[
            float,
            Meta(
                ge=0,
                description="Tokens that teachers and students read and write, in prompts and answers.",
            ),
        ]
        | None
    ) = None


class Experiment(_Record, frozen=True, kw_only=True):
    """One experiment: a teacher environment, a student, an agent and its arms."""

    version: Annotated[Literal[1], Meta(description="Version of the spec language.")]
    name: Annotated[
        Name,
        Meta(
            description="Also the DVC stage and the MLflow experiment. Letters, digits, '-' and '_'."
        ),
    ]
    description: Annotated[
        str, Meta(description="What the experiment asks, in a sentence.", max_length=2000)
    ] = ""
    task: Task
    student: Student
    teachers: Annotated[
        dict[str, Annotated[Options, _slot("teacher", "Who writes examples.")]],
        Meta(description="Named teachers that engines refer to."),
    ] = field(default_factory=dict)
    environment: Annotated[Word, _word("environment", "The structure the agent works in.")]
    skills: Skills
    agent: Agent
    loop: Loop
    select: Annotated[Select, Meta(description="Which student is called best.")] = Select()
    seeds: Annotated[Seeds, Meta(description="Where randomness comes from.")] = Seeds()
    analysis: Annotated[
        Analysis, Meta(description="What the report compares; never part of a key.")
    ] = Analysis()
    limits: (
        Annotated[
            Limits,
            Meta(
                description="How much the experiment may cost; a guard that pauses and is part of no key."
            ),
        ]
        | None
    ) = None

    @property
    def environment_kind(self) -> str:
        """The kind of its environment, which may be written as a bare word."""
        environment = self.environment
        return environment if isinstance(environment, str) else str(environment["kind"])

    def referred(self, slot: str, name: str) -> Options | None:
        """The source or teacher of a name; None if there is none."""
        for _, components in named(self, REFERRED[slot]):
            options: Options | None = components.get(name)
            return options
        return None

    def components(self) -> Iterator[tuple[str, tuple[str, ...], Options]]:
        """Every component it names or that one of those holds: slot, place, options with their `kind`."""
        for place in PLACES:
            for path, value in named(self, place.path):
                options = {"kind": value} if isinstance(value, str) else value
                yield place.slot, path, options
                yield from inline(place.slot, path, options)

"""What a user said, as typed records: one frozen record per mapping of the spec language.

The published JSON Schema is generated from these records (see `schema`), so a docstring here is a
hover text there. A slot for a component holds a plain mapping with its `kind`; the options' schema
is the component's own JSON file.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field
from msgspec.structs import replace

from dataenvgym_spec.language.analysis import Analysis, Limits
from dataenvgym_spec.language.declared import REFERRED
from dataenvgym_spec.language.fields import (
    Count,
    Name,
    Options,
    Section,
    Word,
    hover,
    one,
    slot,
    slot_map,
    word,
)
from dataenvgym_spec.language.noise import Noise
from dataenvgym_spec.language.places import PLACES, inline, named
from dataenvgym_spec.language.skills import Skills
from dataenvgym_spec.language.student import Baseline, PartLength, Prompt, Student
from dataenvgym_spec.language.task import Sealed, Task


class Yoke(Section, frozen=True, kw_only=True):
    """A student of another arm, watched in place of the arm's own: what is seen is real, and has
    nothing to do with the student that is taught.
    """

    arm: Annotated[str, hover("The arm whose students are watched.")]
    run: Annotated[
        Literal["next"],
        hover(
            "Which of its runs: that of the next run seed of the list, and the last watches that "
            "of the first."
        ),
    ] = "next"


class Observe(Section, frozen=True, kw_only=True):
    """What may flow from the student to the agent."""

    errors: Annotated[
        int,
        hover(
            "Errors per skill on the shown part of feedback, for prompts and reasons.",
            ge=0,
            le=1000,
        ),
    ] = 0
    scores: Annotated[bool, hover("Scores per skill on the hidden part of feedback.")] = True
    yield_: Annotated[
        bool | Literal["reasons"],
        hover(
            "What became of earlier requests: requested and accepted, per skill; with `reasons`, "
            "also how many an engine made, and why checks that read no split rejected some."
        ),
    ] = field(name="yield", default=True)
    student: (
        Annotated[
            Literal["latest", "base"] | Yoke,
            hover(
                "Whose behaviour it is: the latest student's (the default); in every iteration the "
                "untaught one's, so that the state is stale; or another arm's (`{arm: NAME}`), so "
                "that the agent is yoked to it."
            ),
        ]
        | UnsetType
    ) = UNSET
    # Not None: what is written of specs that do not say it stays as it was.


class Agent(Section, frozen=True, kw_only=True):
    """The data generation agent: a policy that plans, an engine that executes the plan,
    checks on what it made.
    """

    observe: Annotated[
        Observe | Literal["nothing"],
        hover("What the agent sees of the student, or `nothing`: a blind arm."),
    ] = Observe()
    policy: Annotated[Options, slot("policy", "Decides what to generate.")]
    engine: Annotated[Options, slot("engine", "Generates it.")]
    checks: Annotated[
        dict[str, Options],
        slot_map("check", "Checks on generated examples."),
    ] = field(default_factory=dict)

    def sees(self, what: str) -> bool:
        """Whether the agent sees `errors`, `scores` or the `yield`."""
        if isinstance(self.observe, str):
            return False
        return bool(getattr(self.observe, "yield_" if what == "yield" else what))

    @property
    def watches_base(self) -> bool:
        """Whether it sees the untaught student in every iteration."""
        return isinstance(self.observe, Observe) and self.observe.student == "base"

    @property
    def yoke(self) -> Yoke | None:
        """Whose student it sees, if that is another arm's."""
        if isinstance(self.observe, Observe) and isinstance(self.observe.student, Yoke):
            return self.observe.student
        return None

    @property
    def observed(self) -> Observe | Literal["nothing"]:
        """What it observes; of whom says what is plugged into its stages."""
        if isinstance(self.observe, str):
            return self.observe
        return replace(self.observe, student=UNSET)


class Teach(Section, frozen=True, kw_only=True):
    """The amount to teach in each iteration."""

    examples: Annotated[
        Count, hover("Accepted examples per iteration; the rounds of one share them.")
    ]
    of: Annotated[Literal["accepted"], hover("What the amount counts.")] = "accepted"
    refill: Annotated[
        int, hover("How often missing examples are requested again.", ge=0, le=20)
    ] = 1
    equal: (
        Annotated[
            bool,
            hover(
                "Train all arms that say so on equally many examples of each iteration: as many "
                "as the arm with the fewest has, of every skill its share."
            ),
        ]
        | None
    ) = None


class Stop(Section, frozen=True, kw_only=True):
    """When the loop ends early.

    The best score so far counts from iteration 1, as in `select`: the untaught student is no bar.
    """

    patience: Annotated[
        int,
        hover(
            "Stop after this many iterations in a row without a score on the "
            "selection split above the best one before.",
            ge=1,
            le=1000,
        ),
    ]


class Loop(Section, frozen=True, kw_only=True):
    """Evaluate, plan, generate, check, train; again and again."""

    iterations: Annotated[int, hover("How often the loop runs.", ge=1, le=1000)]
    train_on: Annotated[
        Literal["all", "latest"],
        hover("The accepted examples of all iterations so far, or of the latest."),
    ] = "all"
    start_from: Annotated[
        Literal["base", "previous"],
        hover(
            "Where every iteration's training starts: at the base student, or at the student of "
            "the iteration before. An adapter of that one is trained on."
        ),
    ] = "base"
    replay: (
        Annotated[
            float,
            hover(
                "With `train_on: latest`: how much of each earlier iteration's accepted examples "
                "is taught again, drawn anew in every iteration by the run seed, of every request "
                "its share.",
                gt=0,
                le=1,
            ),
        ]
        | UnsetType
    ) = UNSET
    rounds: (
        Annotated[
            int,
            hover(
                "How often the agent plans, generates and checks between two trainings, 1 if left "
                "out. Each round knows what the earlier ones decided and got; the student is not "
                "evaluated anew. The rounds share `teach.examples` equally.",
                ge=1,
                le=100,
            ),
        ]
        | UnsetType
    ) = UNSET
    teach: Teach
    stop: (
        Annotated[
            Stop,
            hover("Stop early, decided on the selection split; left out, all iterations run."),
        ]
        | None
    ) = None

    @property
    def replayed(self) -> float | None:
        """How much of earlier iterations is taught again; None if nothing is."""
        return None if self.replay is UNSET else self.replay

    @property
    def amounts(self) -> tuple[int, ...]:
        """Examples to ask for in each round of an iteration; the first ones get what is left over.

        >>> Loop(iterations=1, rounds=3, teach=Teach(examples=10)).amounts
        (4, 3, 3)
        """
        rounds = 1 if self.rounds is UNSET else self.rounds
        each, left_over = divmod(self.teach.examples, rounds)
        return tuple(each + (number < left_over) for number in range(rounds))


class DataFrom(Section, frozen=True, kw_only=True):
    """Examples that the agent of another arm made for its own student, run seed by run seed.

    The agent of this arm does nothing.
    """

    arm: Annotated[str, hover("The arm whose accepted examples are taught.")]
    fraction: Annotated[
        float,
        hover(
            "How much of each iteration's examples is taught, drawn by the run seed, of every "
            "request its share.",
            gt=0,
            le=1,
        ),
    ] = 1.0
    length: (
        Annotated[
            PartLength,
            one(
                "In place of `student.train.length`: `{steps: N}`, `{steps: equal}` or "
                "`{epochs: N}`."
            ),
        ]
        | None
    ) = None


class Select(Section, frozen=True, kw_only=True):
    """Which iteration's student is called best."""

    by: Annotated[
        Literal["selection.accuracy", "last"],
        hover("Accuracy on the selection split, or simply the last."),
    ] = "selection.accuracy"
    ties: Annotated[Literal["earliest"], hover("Which of equal students wins.")] = "earliest"


Seed = Annotated[int, Meta(ge=0, lt=2**31)]


class Seeds(Section, frozen=True, kw_only=True):
    """Where randomness comes from. Arms share a run's number."""

    splits: Annotated[int, hover("Draws the splits.", ge=0, lt=2**31)] = 0
    student: Annotated[
        int, hover("Initialises and pretrains a student from scratch.", ge=0, lt=2**31)
    ] = 0
    run: Annotated[
        Seed | Annotated[list[Seed], Meta(min_length=1, max_length=1000)],
        hover("One or more replicates: enters the agent's sampling and the training order."),
    ] = 0

    def runs(self) -> tuple[int, ...]:
        """The run seeds as a tuple."""
        return (self.run,) if isinstance(self.run, int) else tuple(self.run)


class Experiment(Section, frozen=True, kw_only=True, dict=True):
    """One experiment: a teacher environment, a student, an agent and its arms."""

    version: Annotated[Literal[1], hover("Version of the spec language.")]
    name: Annotated[
        Name,
        hover("Also the DVC stage and the MLflow experiment. Letters, digits, '-' and '_'."),
    ]
    description: Annotated[
        str, hover("What the experiment asks, in a sentence.", max_length=2000)
    ] = ""
    task: Task
    student: Student
    baselines: Annotated[
        dict[Name, Baseline],
        hover("The untaught student under other prompts, named; each answers the sealed test."),
    ] = field(default_factory=dict)
    teachers: Annotated[
        dict[str, Annotated[Options, slot("teacher", "Who writes examples.")]],
        hover("Named teachers that engines refer to."),
    ] = field(default_factory=dict)
    environment: Annotated[Word, word("environment", "The structure the agent works in.")]
    skills: (
        Annotated[Skills, hover("The skills; left out where the environment reads none.")] | None
    ) = None
    agent: Agent
    data_from: (
        Annotated[
            DataFrom,
            hover("In an arm: it is taught what was made for another one."),
        ]
        | None
    ) = None
    loop: Loop
    select: Annotated[Select, hover("Which student is called best.")] = Select()
    test: Annotated[Sealed, hover("Who answers the sealed test, for the report.")] | None = None
    seeds: Annotated[Seeds, hover("Where randomness comes from.")] = Seeds()
    analysis: Annotated[Analysis, hover("What the report compares; never part of a key.")] = (
        Analysis()
    )
    noise: (
        Annotated[
            Noise,
            hover("The noise floor: salted copies of one student, which no other stage reads."),
        ]
        | None
    ) = None
    limits: (
        Annotated[
            Limits,
            hover("How much the experiment may cost; a guard that pauses and is part of no key."),
        ]
        | None
    ) = None

    def prompts(self) -> Iterator[tuple[tuple[str, ...], Prompt]]:
        """Every prompt, with its place: the student's first, then those of baselines."""
        yield ("student", "prompt"), self.student.prompt
        for name, baseline in self.baselines.items():
            yield ("baselines", name, "prompt"), baseline.prompt

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
        """Every component that it names, or that one of those holds.

        Yields slot, place and options, which have their `kind`.
        """
        # Most rules ask for them, and a sweep has thousands of experiments.
        yield from self._components

    @cached_property
    def _components(self) -> tuple[tuple[str, tuple[str, ...], Options], ...]:
        components: list[tuple[str, tuple[str, ...], Options]] = []
        for place in PLACES:
            for path, value in named(self, place.path):
                options = {"kind": value} if isinstance(value, str) else value
                components.append((place.slot, path, options))
                components += inline(place.slot, path, options)
        return tuple(components)

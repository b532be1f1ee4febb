"""The parameters of each stage kind, as records.

`plain` gives the JSON values whose canonical form enters the key.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal

import msgspec

from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.graph.values import decoding, values
from dataenvgym_spec.language.spec import Observe, Select
from dataenvgym_spec.language.student import Generate, Train
from dataenvgym_spec.language.task import WRONG_GOLD, Draw
from dataenvgym_spec.records.items import Form

SplitRole = Literal["test", "selection", "feedback", "pool"]
Lane = tuple[float, float]
Observed = Observe | Literal["nothing"]
SHOTS: Final = ("chat", "few_shot", "from")
"""Where JSON values have the source of what is asked and answered before each question."""
FIRST_ENVIRONMENT: Final = Component(slot="environment", kind="skill-list", version=1)
"""What a plan that names no environment works in: it was the only one when keys began."""


class Shots(msgspec.Struct, frozen=True, kw_only=True):
    """How many items are asked and answered before each question."""

    count: int


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """That prompts are conversations, and what of them is the same for all items.

    Attributes:
        system: what the system says first.
        few_shot: what is asked and answered before each question, if anything is.
        thinking: what the chat template is told; None leaves it to the template.
    """

    system: str | None = None
    few_shot: Shots | None = None
    thinking: bool | None = None


class DataParams(Params, frozen=True, kw_only=True):
    """One split. `show` and `parts` are of feedback only.

    Attributes:
        draw: a number of items, or all that lie in the lane.
        score: what judges the gold answers; items whose own is wrong are left out.
        wrong_gold: the share of a draw that may be; left out where it is the usual one.
        apart: sources of earlier splits, where lanes do not keep the two apart: what they hold in
            `apart_lanes` is left out.
    """

    slots: ClassVar = {"source": "source", "score": "scorer", "apart": "source"}
    seeded: ClassVar = "splits"

    role: SplitRole
    source: Component
    score: Component
    draw: Draw | Literal["all"]
    lane: Lane
    seed: int
    wrong_gold: float | None = None
    show: float | None = None
    parts: Literal["by-cluster"] | None = None
    apart: dict[SplitRole, Component] | None = None
    apart_lanes: dict[SplitRole, Lane] | None = None
    form: Form | None = None

    @property
    def largest_share(self) -> float:
        """The share of a draw whose gold answers may be wrong."""
        return WRONG_GOLD if self.wrong_gold is None else self.wrong_gold


class ReserveParams(Params, frozen=True, kw_only=True):
    """What generated examples must keep clear of, by role.

    Attributes:
        lanes: of the splits that keep what they could hold; of others what was drawn is read.
        ngrams: of which splits n-grams are kept, and of how many words; left out where no check
            compares them.
        images: of which splits hashes of images are kept; left out where no check compares them.
    """

    slots: ClassVar = {"sources": "source"}
    seeded: ClassVar = "splits"

    lanes: dict[SplitRole, Lane]
    sources: dict[SplitRole, Component]
    seed: int
    ngrams: dict[SplitRole, tuple[int, ...]] | None = None
    images: tuple[SplitRole, ...] | None = None
    form: Form | None = None


class StudentParams(Params, frozen=True, kw_only=True):
    """The base student. All but `model` is for a model that draws from a source.

    Attributes:
        trainer: who trains it before it is taught; its version is part of the key.
        apart: as in `DataParams`.
    """

    slots: ClassVar = {"model": "model", "trainer": "trainer", "apart": "source"}
    seeded: ClassVar = "student"

    model: Component
    trainer: Component | None = None
    template: str | None = None
    seed: int | None = None
    splits_seed: int | None = None
    lane: Lane | None = None
    apart: dict[SplitRole, Component] | None = None
    apart_lanes: dict[SplitRole, Lane] | None = None
    form: Form | None = None


class EvaluateParams(Params, frozen=True, kw_only=True):
    """How a student answers, and how its answers are scored.

    Attributes:
        splits: the names of what it answers, and of the ports.
        generate: the settings of generation, less the backend.
        chat: of prompts that are conversations.
        shots: where what is asked and answered before comes from; None if it is the pool.
        seed: of the run, where answers are drawn.
        salt: of a copy for the noise floor: what is asked comes in an order and in batches of its
            own, and where answers are drawn, so are its seeds. The student's own has none.
    """

    slots: ClassVar = {"backend": "backend", "score": "scorer", "shots": "source"}
    places: ClassVar = {"backend": ("generate", "backend"), "shots": SHOTS}

    splits: tuple[str, ...]
    backend: Component
    generate: Generate
    template: str
    chat: Conversation | None = None
    shots: Component | None = None
    score: Component
    seed: int | None = None
    salt: int | None = None

    def _written(self, name: str, value: Any) -> Any:
        if name == "generate":
            return decoding(value)
        return value.word() if name == "backend" else values(value)

    @property
    def repeatable(self) -> bool:
        """See `Params.repeatable`."""
        return self.generate.repeatable

    @property
    def divides(self) -> bool:
        """See `Params.divides`.

        A backend says of itself that it can; without a promise of equal bytes any of them can.
        """
        return self.backend.divides or not self.repeatable


class PlanParams(Params, frozen=True, kw_only=True):
    """What an agent may observe, and who decides.

    Attributes:
        amount: examples to ask for.
        agent_round: of its iteration, from 2 on; left out in the first.
        environment: left out where it is the skill list, which was the only one when keys began.
        images: whether errors go to the engine with what their questions show; left out if not.
    """

    slots: ClassVar = {"policy": "policy", "environment": "environment"}

    observe: Observed
    policy: Component
    amount: int
    seed: int
    environment: Component | None = None
    agent_round: int | None = None
    images: Literal[True] | None = None

    @classmethod
    def of(
        cls, observe: Observed, policy: Component, environment: Component, *, amount: int, seed: int
    ) -> PlanParams:
        """With the environment left out where it is the first one."""
        named = None if environment == FIRST_ENVIRONMENT else environment
        return cls(observe=observe, policy=policy, amount=amount, seed=seed, environment=named)

    def in_round(self, number: int, amount: int) -> PlanParams:
        """The same for a round of the agent, from 1 on, that asks for so many examples."""
        later = number if number > 1 else None
        return msgspec.structs.replace(self, agent_round=later, amount=amount)

    @property
    def works_in(self) -> Component:
        """The environment."""
        return self.environment or FIRST_ENVIRONMENT


class GenerateParams(Params, frozen=True, kw_only=True):
    """Who executes a plan, and in which round of which iteration.

    Attributes:
        round: 0, or the number of the refill.
        agent_round: of its iteration, from 2 on; left out in the first.
        score: for an engine that judges answers; left out for any other.
    """

    slots: ClassVar = {"engine": "engine", "score": "scorer"}

    observe: Observed
    engine: Component
    iteration: int
    round: int
    seed: int
    agent_round: int | None = None
    score: Component | None = None
    form: Form | None = None

    @property
    def divides(self) -> bool:
        """See `Params.divides`.

        A teacher that runs in the stage promises no bytes, and keeps each answer by its question;
        so several processes can ask it a part each of what it is asked first.
        """
        parts = list(self.engine.walk())
        teachers = [part for part in parts if part.slot == "teacher" and not part.procedural]
        here = [part for part in teachers if part.on_device and part.definition.promise == "none"]
        outside = any(part.marked("x-services") or part.marked("x-command") for part in parts)
        return bool(teachers) and len(here) == len(teachers) and not outside


class CheckParams(Params, frozen=True, kw_only=True):
    """How candidates are judged.

    Attributes:
        checks: in the order in which they judge.
        apart: checks whose notes are hidden from whoever reads accepted examples.
    """

    slots: ClassVar = {"checks": "check", "score": "scorer"}

    observe: Observed
    checks: tuple[Component, ...]
    score: Component
    apart: tuple[str, ...] | None = None


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What of earlier iterations is taught again.

    Attributes:
        fraction: how much of each.
        latest: how many ports in `accepted` are of the latest iteration; those before are earlier.
    """

    fraction: float
    latest: int


class TrainParams(Params, frozen=True, kw_only=True):
    """How a student is trained.

    Attributes:
        train: the settings of training, less the trainer and the adapter.
        score: for a trainer that judges answers; left out for any other.
        chat: of prompts that are conversations.
        shots: where what is asked and answered before comes from; None if it is the pool.
        rounds: how many of the ports with accepted examples are of one iteration; only where
            amounts are made equal to those of other arms.
        yields: how many yields of one iteration each other arm has; left out where it is one.
        fraction: how much of each iteration's examples it learns; all where it is left out.
        equal_steps: of a fraction: as many steps as all of the examples would take.
        replay: where it learns the latest iteration's examples and some of those before.
        start: where it does not start from the base student: from the one in `previous`.
        latest: where an iteration may bring nothing, how many ports in `accepted` are its own.
        salt: of a copy for the noise floor: it is taught in an order and with seeds of its own. The
            student itself has none.
    """

    slots: ClassVar = {
        "method": "trainer",
        "adapter": "adapter",
        "score": "scorer",
        "shots": "source",
    }
    places: ClassVar = {
        "method": ("train", "method"),
        "adapter": ("train", "adapter"),
        "shots": SHOTS,
    }

    method: Component
    adapter: Component | None = None
    score: Component | None = None
    train: Train
    template: str
    chat: Conversation | None = None
    shots: Component | None = None
    seed: int
    rounds: int | None = None
    yields: tuple[int, ...] | None = None
    fraction: float | None = None
    equal_steps: bool | None = None
    replay: Replay | None = None
    start: Literal["previous"] | None = None
    latest: int | None = None
    salt: int | None = None

    def _written(self, name: str, value: Any) -> Any:
        if name == "method":
            return value.word()
        content = values(value)
        if name == "train":
            del content["method"]
            content.pop("adapter", None)
        return content


class GateParams(Params, frozen=True, kw_only=True):
    """When the loop stops: after so many iterations in a row without a new best score."""

    patience: int


class SelectParams(Params, frozen=True, kw_only=True):
    """Which student is called best, as in the spec."""

    by: str
    ties: str

    @classmethod
    def of(cls, select: Select) -> SelectParams:
        """From the spec."""
        return cls(by=select.by, ties=select.ties)

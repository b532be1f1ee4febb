"""The open-ended environment: no skills, only the errors and what prompts show of them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.environments import shapes
from dataenvgym_spec.gym.environments.protocol import Action, Seen, SkillScore, State
from dataenvgym_spec.gym.environments.shapes import Shape
from dataenvgym_spec.gym.showing import cut
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import TASK, Like, Request, ShownError, Yield
from dataenvgym_spec.records.record import Record

MOST_NAMED: Final = 200
"""Errors that a shape can name."""
MOST_PROMPTS: Final = 100
"""Requests of one plan that a language model can make."""


class OpenEndedState(State, frozen=True, kw_only=True):
    """The student's errors.

    Attributes:
        errors: all of them on the shown part of feedback, in the order of its items; None if the
            agent does not observe errors.
        per_request: how many of them the prompt of a request may show.
        score: the student's score on the hidden part; None if the agent does not observe scores.
        yields: what became of the last requests; None if it does not observe yields.
        chosen: ids of the items of the pool that earlier plans asked for.
    """

    errors: tuple[ShownError, ...] | None = None
    per_request: int = 0
    score: SkillScore | None = None
    yields: dict[str, Yield] | None = None
    chosen: tuple[str, ...] = ()

    def brief(self, history: int, errors: int, rng: Random) -> dict[str, Any]:
        """The state with some of the errors, whose texts are cut."""
        few = self
        if self.errors is not None:
            drawn = rng.sample(self.errors, min(errors, len(self.errors)))
            few = replace(self, errors=tuple(map(cut, drawn)))
        content = State.brief(few, history, errors, rng)
        return content if self.errors is None else {**content, "errors_in_all": len(self.errors)}


class Wanted(Record, frozen=True, kw_only=True):
    """Examples that one prompt is to bring.

    Attributes:
        count: how many.
        show: ids of the errors that the prompt shows.
        like: real items that the prompt shows as examples.
        brief: an instruction in words.
    """

    count: int
    show: tuple[str, ...] = ()
    like: tuple[Like, ...] = ()
    brief: str | None = None


class OpenEndedAction(Action, frozen=True, kw_only=True):
    """The requests, in order.

    Attributes:
        wanted: what each prompt is to bring; all of them ask for no more than there is to teach,
            or the last are cut.
    """

    wanted: tuple[Wanted, ...]


WORDS: Final = """\
Examples are written by prompts. Decide which prompts there are: of each, an instruction in words to
whoever writes the examples ("brief"), how many it asks for ("count") and, where errors are known,
the ids of those that it shows ("show").
Answer with {"reasons": {"task": WHY},
"wanted": [{"brief": WORDS, "count": NUMBER, "show": [ID, ...]}, ...]}."""
"""What a language model is told; part of the semantics of policies that show it."""


class OpenEnded:
    """The environment of the paper's open-ended agents."""

    state: ClassVar[type[OpenEndedState]] = OpenEndedState
    action: ClassVar[type[OpenEndedAction]] = OpenEndedAction
    words: ClassVar[str] = WORDS

    def observe(self, seen: Seen, before: OpenEndedState | None) -> OpenEndedState:
        """The errors, as far as the arm may see them."""
        errors = None
        if seen.shown is not None:
            errors = tuple(seen.errors_of(seen.shown))
        return OpenEndedState(
            errors=errors,
            per_request=seen.errors,
            score=seen.score(),
            yields=None if seen.yields is None else dict(seen.yields),
            history=before.history if before is not None else (),
            chosen=before.chosen if before is not None else (),
        )

    def complete(
        self, state: OpenEndedState, action: OpenEndedAction, budget: int, tools: Tools
    ) -> OpenEndedAction:
        """The action as it is: it leaves nothing open.

        Raises:
            StageError: see `check`.
        """
        self.check(state, action)
        return action

    def check(self, state: OpenEndedState, action: OpenEndedAction) -> None:
        """Refuses an action that asks for nothing, or shows what is not an error of the student.

        Raises:
            StageError: it does.
        """
        if all(wanted.count == 0 for wanted in action.wanted):
            message = "the policy asks for no example"
            raise StageError(message, help="an action asks for one example or more")
        known = {error.id for error in state.errors or ()}
        for number, wanted in enumerate(action.wanted):
            unknown = [name for name in wanted.show if name not in known]
            if unknown:
                message = f"request {number + 1} shows '{unknown[0]}', which is no observed error"
                help = "a policy shows errors of its state, by their ids"
                raise StageError(message, help=help)
            if wanted.count < 0:
                message = f"request {number + 1} asks for {wanted.count} examples"
                raise StageError(message, help="an amount is zero or more")

    def shape(self, state: OpenEndedState, budget: int) -> Shape:
        """Prompts, each with an instruction, an amount, and the errors that it shows."""
        wanted = {"brief": shapes.TEXT, "count": shapes.whole(1, budget)}
        if state.errors and state.per_request:
            names = [error.id for error in state.errors]
            # Services bound how many values a shape names; what is none of them is then refused.
            known = shapes.one_of(names) if len(names) <= MOST_NAMED else shapes.TEXT
            wanted["show"] = shapes.listed(known, 0, state.per_request)
        reasons = shapes.each([TASK], shapes.TEXT)
        prompts = shapes.listed(shapes.closed(wanted), 1, MOST_PROMPTS)
        return shapes.closed({"reasons": reasons, "wanted": prompts})

    def fallback(self, state: OpenEndedState, budget: int) -> OpenEndedAction:
        """The fixed prompt."""
        fixed = (Wanted(count=budget),)
        return OpenEndedAction(wanted=fixed, reasons={TASK: "the fixed prompt"})

    def requests(
        self, state: OpenEndedState, action: OpenEndedAction, budget: int
    ) -> tuple[Request, ...]:
        """One request for each prompt, numbered from 1 on."""
        digits = len(str(len(action.wanted)))
        requests = []
        for number, wanted in enumerate(action.wanted, start=1):
            request = Request(
                id=f"{TASK}-{number:0{digits}d}",
                count=wanted.count,
                skill=TASK,
                brief=wanted.brief,
                show=wanted.show,
                like=wanted.like,
            )
            requests.append(request)
        return tuple(requests)

    def advance(
        self, state: OpenEndedState, action: OpenEndedAction, given: Mapping[str, Yield]
    ) -> OpenEndedState:
        """The history, and what was chosen; what is seen is seen anew in every iteration."""
        likes = (like for wanted in action.wanted for like in wanted.like)
        chosen = tuple(like.id for like in likes if like.id is not None)
        return OpenEndedState(history=state.history, chosen=(*state.chosen, *chosen))

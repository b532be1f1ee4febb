"""An environment's contract for policies that speak JSON: a language model, a program outside.

What is said is read strictly: what does not fit is refused with its place, before anything is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.gym.environments.protocol import Action, Environment, State
from dataenvgym_spec.gym.environments.schemas import record_schema
from dataenvgym_spec.records.record import Record

Json = Any


class Unfit(Exception):
    """What a policy said is no action, or none that can be carried out in this state."""


@runtime_checkable
class Guiding(Protocol):
    """What an environment may have besides, for policies that speak JSON.

    Attributes:
        words: what a policy can decide and how it says so, for the prompt of a language model.
    """

    words: str

    def check(self, state: Any, action: Any) -> None:
        """Refuses an action that cannot be carried out in a state.

        Raises:
            StageError: why.
        """

    def shape(self, state: Any, budget: int) -> dict[str, Json]:
        """The JSON Schema of the actions that fit a state, which a language model is held to.

        Every mapping in it is closed, with all of its keys required.
        """

    def fallback(self, state: Any, budget: int) -> Action:
        """What is done where nobody says what can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What a policy may say in one state.

    Attributes:
        environment: its kind.
        action: the record of its actions.
        words: what can be decided and how it is said, for a prompt.
        shape: gives their JSON Schema, narrowed to this state where the environment does that.
        check: refuses an action by a `StageError`.
        fallback: gives what is done where nobody says what can be done.
    """

    environment: str
    action: type[Action]
    words: str
    shape: Callable[[], dict[str, Json]]
    check: Callable[[Action], None]
    fallback: Callable[[], Action]

    @classmethod
    def of(
        cls,
        environment: Environment[Any, Any],
        state: State,
        budget: int,
        *,
        kind: str,
        words: str = "",
    ) -> Contract:
        """The contract of an environment in a state.

        Args:
            environment: the environment.
            state: what the policy sees.
            budget: examples to ask for in all.
            kind: what a spec calls it.
            words: what it is, where it does not say so itself.
        """
        if isinstance(environment, Guiding):
            guide = environment
            return cls(
                environment=kind,
                action=environment.action,
                words=guide.words,
                shape=lambda: guide.shape(state, budget),
                check=lambda action: guide.check(state, action),
                fallback=lambda: guide.fallback(state, budget),
            )
        schema = record_schema(environment.action)
        return cls(
            environment=kind,
            action=environment.action,
            words=f"{words}\nYour answer fits this JSON Schema: {json.dumps(schema)}",
            shape=lambda: schema,
            check=lambda _action: None,
            fallback=lambda: _none(environment),
        )

    def read(self, content: Json) -> Action:
        """The action that JSON values hold.

        Raises:
            Unfit: they hold none, or one that cannot be carried out; the message names the place.
        """
        try:
            action = self.action.parse(content)
        except msgspec.ValidationError as error:
            raise Unfit(str(error)) from None
        for place, name, known in _unknown(content, action, "$"):
            raise Unfit(f"at `{place}` is '{name}', which means nothing there; {known}")
        try:
            self.check(action)
        except StageError as error:
            help = f"; {error.help}" if error.help else ""
            raise Unfit(f"{error}{help}") from None
        return action


def _unknown(content: Json, read: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """The keys that no record has: the place, the key, and what might be meant."""
    if isinstance(read, Record):
        config = read.__struct_config__
        known = {*read.__struct_fields__, *filter(None, [config.tag_field])}
        for key in content:
            if key not in known:
                yield place, key, suggest(key, sorted(known))
        for name in read.__struct_fields__:
            if name in content:
                yield from _unknown(content[name], getattr(read, name), f"{place}.{name}")
    elif isinstance(read, Mapping):
        for key, value in read.items():
            yield from _unknown(content[key], value, f"{place}.{key}")
    elif isinstance(read, tuple):
        for number, value in enumerate(read):
            yield from _unknown(content[number], value, f"{place}[{number}]")


def _none(environment: Environment[Any, Any]) -> Action:
    message = (
        f"the environment {type(environment).__name__} has no action for a policy to fall back on"
    )
    help = "it needs the method `fallback`, see `gym.environments.contract.Guiding`"
    raise StageError(message, help=help)

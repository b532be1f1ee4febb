"""A policy outside of the process: state out, action back, as JSON."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.environments.contract import Unfit
from dataenvgym_spec.gym.environments.protocol import Action, State
from dataenvgym_spec.gym.outside import Line
from dataenvgym_spec.gym.teachers.protocol import Ask, Teacher
from dataenvgym_spec.gym.tools import Tools

FORMAT = 1
"""Of what is sent; raised when a field gets another meaning."""


class OutsidePolicy:
    """Hands a program the state, and takes its action; see `docs/outside-policies.md`.

    Attributes:
        line: asks the program. The executor puts the journal in front of it, so that an equal state
            is answered by what the program said before.
    """

    def __init__(self, *, name: str, version: int, timeout: float) -> None:
        self.name = name
        self._direct = Line("policy", "outside", name, timeout=timeout)
        self.line: Teacher = self._direct

    def act(self, state: State, budget: int, tools: Tools) -> Action:
        """What the program decides.

        Raises:
            StageError: it cannot be asked, or what it says is no action that can be carried out.
        """
        contract = tools.contract
        assert contract is not None

        def read(text: str) -> Action:
            try:
                # Stricter than `json`: no NaN, and no half of a character, which no plan can hold.
                return contract.read(msgspec.json.decode(text))
            except (msgspec.DecodeError, RecursionError) as error:
                raise self._unusable(f"it is not JSON: {error}") from None
            except Unfit as error:
                raise self._unusable(str(error)) from None

        # What cannot be used is refused before it is kept, so that a corrected program is asked.
        self._direct.accept = read
        sent = self._sent(state, budget, tools)
        ask = Ask.of("policy", json.dumps(sent, ensure_ascii=False, sort_keys=True))
        (reply,) = self.line.answer([ask])
        return read(reply.text)

    def _sent(self, state: State, budget: int, tools: Tools) -> dict[str, Any]:
        assert tools.contract is not None
        return {
            "format": FORMAT,
            "environment": tools.contract.environment,
            "budget": budget,
            "seed": tools.seed,
            "state": state.plain(),
        }

    def _unusable(self, reason: str) -> StageError:
        message = f"what the policy '{self.name}' said is no action: {reason}"
        help = "dataenvgym schema --environment KIND prints what it may say"
        return StageError(message, help=help)

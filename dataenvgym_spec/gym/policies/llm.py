"""A policy that asks a language model, in whatever environment it works."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.environments.contract import Contract, Unfit
from dataenvgym_spec.gym.environments.protocol import Action, State
from dataenvgym_spec.gym.prompt import Image, Message, TextTemplate
from dataenvgym_spec.gym.showing import image_of
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import TASK

DIGITS = 4
"""Decimal places of numbers in a prompt."""
SEEN = "\n\nThe images that these errors are about are shown, in the order of the errors."
"""What a prompt with images ends with."""


class PolicyByModel:
    """Has a teacher decide by the state, in the shape of the environment's action.

    What cannot be carried out is asked for again, with what is wrong with it. After the last answer
    the environment's own fallback holds, and the reasons of the plan say so.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        prompt: str,
        topic: str,
        history: int,
        errors: int,
        corrections: int,
        show_images: bool | None = None,
    ) -> None:
        self.teacher, self.template, self.topic = teacher, TextTemplate(prompt), topic
        self.history, self.errors, self.corrections = history, errors, corrections
        self.show_images = bool(show_images)

    def act(self, state: State, budget: int, tools: Tools) -> Action:
        """What the teacher decides, or the environment's fallback.

        Raises:
            StageError: the teacher cannot be reached or refuses to work.
        """
        contract = tools.contract
        assert contract is not None
        ask = self._ask(state, budget, contract, tools)
        fault = ""
        for turn in range(self.corrections + 1):
            (reply,) = self.teacher.answer([ask])
            try:
                return _read(reply, contract)
            except Unfit as error:
                fault = str(error)
            ask = _again(ask, reply, fault, turn + 1)
        return _fallen_back(contract.fallback(), fault)

    def _ask(self, state: State, budget: int, contract: Contract, tools: Tools) -> Ask:
        brief = state.brief(self.history, self.errors, tools.random())
        prompt = self.template.render(
            topic=self.topic,
            environment=contract.words,
            budget=budget,
            state=_text(_rounded(brief)),
        )
        images = self._seen(brief, tools)
        content = f"{prompt}{SEEN}" if images else prompt
        message = Message(role="user", content=content, images=images)
        seed = seed_from("decide", tools.seed)
        return Ask(id="policy/0", messages=(message,), shape=contract.shape(), seed=seed)

    def _seen(self, brief: Mapping[str, Any], tools: Tools) -> tuple[Image, ...]:
        """What the errors of a prompt are about, in their order, if the teacher is to see it."""
        if not self.show_images or tools.file is None:
            return ()
        names = [error["id"] for error in brief.get("errors") or ()]
        pictures = [picture for name in names for picture in tools.pictures.get(name, ())]
        return tuple(image_of(tools.file(picture), picture.media) for picture in pictures)


def _read(reply: Reply, contract: Contract) -> Action:
    """The action that a reply holds.

    Raises:
        Unfit: it holds none that can be carried out.
    """
    if not reply.usable:
        raise Unfit(f"the answer is not whole or has another shape ({reply.finish})")
    try:
        content = json.loads(reply.text)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"the answer is not JSON: {error}") from None
    return contract.read(content)


def _again(ask: Ask, reply: Reply, fault: str, turn: int) -> Ask:
    """The question after an answer that cannot be carried out; it never holds more than one."""
    said = (
        Message(role="assistant", content=reply.text),
        Message(role="user", content=f"This cannot be carried out: {fault}. Decide again."),
    )
    before = ask.messages[:1]
    messages = (*before, *said) if reply.usable else before
    seed = seed_from("again", ask.seed)
    return msgspec.structs.replace(ask, id=f"policy/{turn}", messages=messages, seed=seed)


def _fallen_back(action: Action, fault: str) -> Action:
    """The fallback, which says of each skill what it does and why."""
    reason = f"no usable answer of the teacher: {fault}"
    reasons = {name: f"{done}; {reason}" for name, done in action.reasons.items()}
    return msgspec.structs.replace(action, reasons=reasons or {TASK: reason})


def _rounded(value: Any) -> Any:
    """JSON values whose numbers are short."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value


def _text(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(", ", ": "))

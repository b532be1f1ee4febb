"""Procedural requests to call small tools, which are functions of Python.

A family is a skill with a difficulty: what the tools are about, what is asked for, how many tools
there are to choose from, and how many calls a request takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from random import Random
from typing import Any, Final, NamedTuple

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.tasks.calling.accepted import MAY_BE_LEFT_OUT
from dataenvgym_spec.gym.tasks.calling.items import asked
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, written
from dataenvgym_spec.gym.tasks.sources.families import Families, Family
from dataenvgym_spec.gym.tasks.sources.small_functions import (
    TOOLS,
    SmallTool,
    schema_of,
    source_of,
    worded,
)
from dataenvgym_spec.records.items import WORDS, Form, Item, item_id

MOST_CALLS: Final = 4
MOST_OFFERED: Final = 8
LARGEST: Final = 1000
_ASKING: Final = ("what ", "how ", "where ")


class Step(NamedTuple):
    """One call of a request: the tool, the arguments, and the request for it in words."""

    tool: SmallTool
    arguments: dict[str, Any]
    words: str


class SmallTools(Families):
    """A source of endless requests; each group is a family.

    Args of the constructor:
        families: by name.
        form: what of a question does not count.
    """

    def __init__(self, *, families: Mapping[str, Family], form: Form = WORDS) -> None:
        self.families, self.form = families, form

    def _variants(self, group: str) -> dict[str, dict[str, int]]:
        family = self.families[group]
        found: dict[str, dict[str, int]] = {}
        for distance in range(1, MOST_OFFERED):
            for name, least, most in _bounds(family["asks"]):
                for way, value in (("harder", distance), ("easier", -distance)):
                    other = family[name] + value
                    if least <= other <= most:
                        found[f"{way}: {name} {other}"] = {name: other}
            for way, largest in (
                ("harder", family["largest"] * 2**distance),
                ("easier", family["largest"] // 2**distance),
            ):
                if 4 <= largest <= LARGEST:
                    found[f"{way}: largest {largest}"] = {"largest": largest}
        return found

    def _stream(self, family: Family, group: str, seed: int) -> Iterator[Item]:
        rng = Random(seed_from("small-tools", seed, group))
        for _ in count():
            yield self._item(family, group, rng)

    def _item(self, family: Family, group: str, rng: Random) -> Item:
        steps = _steps(family, rng)
        used = list(dict.fromkeys(step.tool for step in steps))
        nothing = family["asks"] == "nothing"
        offered = _offered(family, used, rng, without=nothing)
        linked = ", then " if family["asks"] == "chain" else " and "
        question = linked.join(step.words for step in steps)
        made = [] if nothing else steps
        calls = [ToolCall(name=step.tool.name, arguments=_said(step)) for step in made]
        # Items that take the same calls are never split, however they are worded.
        same = written([ToolCall(name=step.tool.name, arguments=step.arguments) for step in steps])
        return asked(
            question[0].upper() + question[1:] + ("?" if question.startswith(_ASKING) else "."),
            target=written(calls),
            group=group,
            tools=tuple(schema_of(tool) for tool in offered),
            verifier={
                "calls": [_accepted(step) for step in made],
                # As they are written in Python, for whoever executes calls.
                "functions": {tool.name: source_of(tool) for tool in offered},
            },
            metadata={"topic": family["topic"], "asks": family["asks"]},
            cluster=item_id(same),
            form=self.form,
        )


def _bounds(asks: str) -> list[tuple[str, int, int]]:
    """The numbers of a family that can be larger or smaller, with the least and the most."""
    offered = ("offered", 1, MOST_OFFERED)
    return [offered, ("steps", 2, MOST_CALLS)] if asks in ("several", "chain") else [offered]


def _steps(family: Family, rng: Random) -> list[Step]:
    """What a request asks for."""
    tools, largest = TOOLS[family["topic"]], family["largest"]
    if family["asks"] == "chain":
        return _chain(tools, family["steps"], largest, rng)
    several = family["asks"] == "several"
    steps: list[Step] = []
    while len(steps) < (family["steps"] if several else 1):
        tool = rng.choice(tools)
        # A question that is joined to another one would be no sentence.
        wording = tool.wordings[0] if several else rng.choice(tool.wordings)
        step = _step(tool, tool.draw(rng, largest), wording)
        if step.words not in [one.words for one in steps]:
            steps.append(step)
    return steps


def _chain(tools: Sequence[SmallTool], length: int, largest: int, rng: Random) -> list[Step]:
    """Steps each of which works on the result of the one before."""
    while True:
        first = rng.choice(tools)
        steps = [_step(first, first.draw(rng, largest), first.wordings[0])]
        while len(steps) < length:
            fitting = [tool for tool in tools if tool.takes == steps[-1].tool.gives]
            if not fitting:
                break
            tool = rng.choice(fitting)
            drawn = {**tool.draw(rng, largest), tool.first: f"<node-{len(steps) - 1}>"}
            steps.append(_step(tool, drawn, tool.chained))
        if len(steps) == length:
            return steps


def _step(tool: SmallTool, arguments: dict[str, Any], wording: str) -> Step:
    return Step(tool=tool, arguments=arguments, words=worded(wording, arguments))


def _offered(
    family: Family, used: Sequence[SmallTool], rng: Random, *, without: bool
) -> list[SmallTool]:
    """The tools of an item: what it takes and others, or others alone."""
    every = [tool for topic in TOOLS for tool in TOOLS[topic] if tool not in used]
    kept = [] if without else list(used)
    more = max(0, family["offered"] - len(kept))
    offered = [*kept, *rng.sample(every, more)]
    rng.shuffle(offered)
    return offered


def _said(step: Step) -> dict[str, Any]:
    """The arguments of a call, less those that are as they would be anyway."""
    defaults = step.tool.defaults
    return {
        name: value
        for name, value in step.arguments.items()
        if name not in defaults or defaults[name] != value
    }


def _accepted(step: Step) -> dict[str, Any]:
    """The call as a verifier accepts it."""
    defaults, arguments = step.tool.defaults, {}
    for name, value in step.arguments.items():
        may = [MAY_BE_LEFT_OUT] if name in defaults and defaults[name] == value else []
        arguments[name] = [value, *may]
    return {"name": step.tool.name, "arguments": arguments}

"""Plans of MnMs, from its file: requests that take several tools, each on the results of others.

A row has `id`, `user_request` and `plan_str`: a list of steps with `id`, `name` and `args`, written
as Python or JSON writes it. `alt_plans_str` lists other plans that are right. A step takes the
result of another one by `<node-0>.text`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.calling.items import asked, schema_of
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, written
from dataenvgym_spec.gym.tasks.sources.coding import Row, problems, text
from dataenvgym_spec.gym.tasks.sources.rows import Listed
from dataenvgym_spec.records.items import WORDS, Form, Item
from dataenvgym_spec.records.tables import object_of
from dataenvgym_spec.records.turns import ToolSchema

Group = Literal["length", "first", "tools", "none"]


class Mnms(Listed):
    """A finite source of requests with their plans."""

    def __init__(
        self, *, path: Path, group: Group, api: Path | None = None, form: Form = WORDS
    ) -> None:
        """Args: the file, what its groups are, a file of tools, and what does not count.

        Raises:
            StageError: a file is not as the format has it.
        """
        self.group, self.form = group, form
        self.tools: tuple[ToolSchema, ...] = ()
        items, self.skipped = problems(path, self._item)
        self.tools = _used(items) if api is None else _described(api)
        # Every request can take any of the tools.
        self.items = [self._with_tools(item) for item in items]

    def _item(self, row: Row) -> Item:
        row = object_of(row)
        plan = _plan(row["plan_str"])
        others = [_plan(one) for one in _alternatives(row.get("alt_plans_str"))]
        targets = tuple(dict.fromkeys(written(one) for one in (plan, *others)))
        return asked(
            text(row, "user_request"),
            target=targets[0],
            targets=targets if len(targets) > 1 else (),
            group=self._group(plan),
            tools=(),
            verifier={},
            metadata={"name": str(row["id"])},
            form=self.form,
        )

    def _with_tools(self, item: Item) -> Item:
        return asked(
            item.input,
            target=item.target,
            targets=item.targets,
            group=item.group,
            tools=self.tools,
            verifier={},
            metadata=item.metadata,
            cluster=item.cluster,
            form=self.form,
        )

    def _group(self, plan: Sequence[ToolCall]) -> str:
        if self.group == "length":
            return f"steps-{len(plan)}"
        if self.group == "tools":
            return ", ".join(step.name for step in plan)
        return plan[0].name if self.group == "first" else "mnms"


def _plan(given: Any) -> list[ToolCall]:
    """The steps of a plan, in their order.

    Raises:
        ValueError: it is none.
    """
    steps = _literal(given)
    if not isinstance(steps, list) or not steps:
        raise ValueError("no plan in column 'plan_str'")
    return [_step(step) for step in steps]


def _step(step: Any) -> ToolCall:
    name, arguments = (step.get("name"), step.get("args")) if isinstance(step, dict) else (0, 0)
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError("a step without name and args in column 'plan_str'")
    # Programs call a tool by its name with underscores.
    return ToolCall(name=name.strip().replace(" ", "_"), arguments=object_of(arguments))


def _alternatives(given: Any) -> list[Any]:
    if given is None or given == "":
        return []
    plans = _literal(given)
    return plans if isinstance(plans, list) else []


def _literal(given: Any) -> Any:
    """A value that a text writes as Python or JSON does; nothing in it is executed."""
    if not isinstance(given, str):
        return given
    try:
        return ast.literal_eval(given)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        pass
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        raise ValueError(f"no value of Python or JSON: {given[:40]!r}") from None


def _used(items: Sequence[Item]) -> tuple[ToolSchema, ...]:
    """The tools that all plans of a file use, with the arguments that they are given there."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for item in items:
        for plan in item.targets or (item.target,):
            for step in json.loads(plan):
                known = found.setdefault(step["name"], {})
                for name in step["arguments"]:
                    known.setdefault(name, {})
    return tuple(
        ToolSchema(name=name, parameters={"type": "object", "properties": dict(sorted(of.items()))})
        for name, of in sorted(found.items())
    )


def _described(path: Path) -> tuple[ToolSchema, ...]:
    """The tools of a file: a JSON list in the form of services, or of names and parameters."""
    help = 'a JSON list: [{"name": ..., "description": ..., "parameters": {...}}]'
    try:
        listed = json.loads(path.read_text(encoding="utf-8-sig"))
        functions = [one.get("function", one) for one in listed]
        return tuple(
            ToolSchema.parse({**one, "parameters": schema_of(one.get("parameters", {}))})
            for one in functions
        )
    except (OSError, ValueError, AttributeError, TypeError, msgspec.ValidationError) as error:
        raise StageError(f"'{path}' has no tools: {error}", help=help) from error

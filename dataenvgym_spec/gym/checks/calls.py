"""Do the calls in an example's answer fit the tools, and can they be executed?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.sandboxes.isolated import Isolated
from dataenvgym_spec.gym.sandboxes.programs import Functions, ProgramEnded, ProgramRaised, Programs
from dataenvgym_spec.gym.sandboxes.protocol import (
    Call,
    Judgement,
    Sandbox,
    SandboxLimits,
    SandboxOutcome,
)
from dataenvgym_spec.gym.sandboxes.values import UnfitError
from dataenvgym_spec.gym.tasks.calling.accepted import properties
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, UnreadableCall
from dataenvgym_spec.gym.tasks.calling.reading import calls_of
from dataenvgym_spec.gym.tasks.scoring import EXECUTING, LIMITS
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.turns import ToolSchema

TOTAL: Final = 60.0
"""Wall time of all calls of an example, in seconds."""
OUTPUT: Final = 1 << 20
"""What a call may return, in bytes."""
_REFERENCE = re.compile(r"<node-(\d+)>[\w.]*")
Judging = Callable[..., str | None]


class Calls:
    """Objects to examples whose calls do not fit the schemas of their tools, or fail.

    Schemas and calls may be a model's, so they are judged in a sandbox: one may hold a pattern that
    takes forever. An example whose verifier has `functions`, texts of Python by the names of tools,
    has its calls executed there as well.
    """

    def __init__(self, *, seconds: float, memory: int, sandbox: Sandbox | None = None) -> None:
        """Args: what the functions may use, and where they are executed."""
        self.sandbox = Isolated() if sandbox is None else sandbox
        limits = {"seconds": seconds, "memory": memory}
        self.fitting = Judgement(maker=f"{__name__}:fitting")
        self.executing = Judgement(maker=f"{__name__}:executing", arguments=limits, executes=True)

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        given = [_arguments(example) for example in examples]
        found = self._judged(self.fitting, given)
        executed = []
        for place, example in enumerate(examples):
            if found[place] is None and example.verifier.get("functions"):
                executed.append(place)
        more = [{"functions": examples[place].verifier["functions"]} for place in executed]
        calls = [{**given[place], **one} for place, one in zip(executed, more, strict=True)]
        for place, objection in zip(executed, self._judged(self.executing, calls), strict=True):
            found[place] = objection
        return found

    def _judged(self, judgement: Judgement, given: Sequence[Mapping[str, Any]]) -> list[str | None]:
        if not given:
            return []
        calls = [Call(arguments=arguments) for arguments in given]
        limits = EXECUTING if judgement.executes else LIMITS
        return [_objection(one) for one in self.sandbox.judge(judgement, calls, limits)]


def _arguments(example: Example) -> dict[str, Any]:
    return {"answer": example.target, "tools": [tool.plain() for tool in example.tools]}


def _objection(outcome: SandboxOutcome) -> str | None:
    if outcome.ending != "returned":
        return f"its calls cannot be judged: {outcome.stderr or outcome.ending}"
    return None if outcome.value is None else str(outcome.value)


def fitting() -> Judging:
    """Makes the function that holds an example's calls against its tools."""

    def objection(answer: str, tools: Sequence[Mapping[str, Any]]) -> str | None:
        offered = [ToolSchema.parse(tool) for tool in tools]
        try:
            calls = calls_of(answer, offered)
        except UnreadableCall as fault:
            return f"its calls cannot be read: {fault}"
        if calls is None:
            return "its answer is no list of calls"
        return next(_faults(calls, offered), None)

    return objection


def _faults(calls: Sequence[ToolCall], offered: Sequence[ToolSchema]) -> Iterator[str]:
    """What is wrong with tools and calls, the first first."""
    named: dict[str, Validator] = {}
    tools = {tool.name: tool for tool in offered}
    for tool in offered:
        if tool.name in named:
            yield f"two of its tools are called '{tool.name}'"
        made = _validator(tool)
        if isinstance(made, str):
            yield made
            return
        named[tool.name] = made
    for number, call in enumerate(calls):
        if call.name not in named:
            yield f"it calls '{call.name}', which is none of its tools"
            return
        schema = tools[call.name].parameters
        fault = _fault(call, number, schema, named[call.name])
        if fault is not None:
            yield f"its call of '{call.name}' does not fit: {fault}"


def _validator(tool: ToolSchema) -> Validator | str:
    """What judges the arguments of a tool; what is wrong with its schema if there is none."""
    kind = validator_for(tool.parameters)
    try:
        kind.check_schema(tool.parameters)
    except SchemaError as error:
        return f"the parameters of '{tool.name}' are no JSON Schema: {error.message}"
    # Without a registry of its own, a reference to the web would be fetched.
    made: Validator = kind(tool.parameters, registry=Registry())
    return made


def _fault(
    call: ToolCall, number: int, schema: Mapping[str, Any], validator: Validator
) -> str | None:
    known = properties(schema)
    for name in call.arguments:
        if name not in known and not schema.get("additionalProperties"):
            return f"there is no argument '{name}'"
    try:
        errors = list(validator.iter_errors(dict(call.arguments)))
    except Unresolvable as error:
        return f"its schema refers to what is not there: {error}"
    # What a step gives is known when it is executed.
    left = [error for error in errors if not _refers(error.instance, number)]
    worst = best_match(left)
    if worst is not None:
        return str(worst.message)
    if any(step >= number for step in _steps(call.arguments)):
        return "it takes the result of a step that does not come before it"
    return None


def _refers(value: Any, number: int) -> bool:
    return isinstance(value, str) and any(step < number for step in _steps(value))


def _steps(value: Any) -> set[int]:
    """The steps whose results a value takes."""
    if isinstance(value, str):
        return {int(found[1]) for found in _REFERENCE.finditer(value)}
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list):
        return set()
    return {step for one in inner for step in _steps(one)}


def executing(seconds: float, memory: int) -> Judging:
    """Makes the function that executes an example's calls; arguments as of `Calls`."""
    limits = SandboxLimits(seconds=TOTAL, cpu=seconds, memory=memory << 20, output=OUTPUT)

    def objection(
        answer: str,
        tools: Sequence[Mapping[str, Any]],
        functions: Mapping[str, str],
        programs: Programs,
    ) -> str | None:
        calls = calls_of(answer, [ToolSchema.parse(tool) for tool in tools]) or []
        try:
            defined = programs.define(tuple(functions.values()), limits)
        except (ProgramEnded, ProgramRaised) as error:
            return f"its tools cannot be executed: {error}"
        try:
            return _executed(calls, defined, functions)
        finally:
            defined.close()

    return objection


def _executed(
    calls: Sequence[ToolCall], defined: Functions, functions: Mapping[str, str]
) -> str | None:
    results: list[Any] = []
    for call in calls:
        if call.name not in functions:
            return f"its tool '{call.name}' is no function"
        try:
            arguments = {name: _filled(one, results) for name, one in call.arguments.items()}
            results.append(defined.call(call.name, (), arguments))
        except (ProgramEnded, ProgramRaised, UnfitError, LookupError) as error:
            return f"its call of '{call.name}' fails: {error}"
    return None


def _filled(value: Any, results: Sequence[Any]) -> Any:
    """A value with the results of earlier steps in place of the references to them."""
    if isinstance(value, list):
        return [_filled(one, results) for one in value]
    if isinstance(value, dict):
        return {name: _filled(one, results) for name, one in value.items()}
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return _result(whole, results)
    return _REFERENCE.sub(lambda found: str(_result(found, results)), value)


def _result(found: re.Match[str], results: Sequence[Any]) -> Any:
    """The result that a reference names: of a step, or what that holds by a name."""
    result = results[int(found[1])]
    for name in found.group().partition(">")[2].split(".")[1:]:
        result = result[name]
    return result

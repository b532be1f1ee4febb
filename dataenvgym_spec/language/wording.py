"""Violations of a schema in words: code, message, place and remedy of each. Runs no validator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.core.text import shortened
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.fields import NAME_PATTERN
from dataenvgym_spec.language.schema import Schema, experiment_schema
from dataenvgym_spec.language.source import Json, Node

Fault = Any
"""A `jsonschema.ValidationError`; its stubs allow attributes to be unset that a validator sets."""

LONGEST_SHOWN: Final = 60
"""Characters of a value that a message repeats."""
MOST_KEYS_NAMED: Final = 6
"""Keys that tell which mapping is expected."""

_NAME_HELP: Final = (
    "use letters, digits, '-' and '_', beginning with a letter; it becomes the name of a DVC stage"
)
_TYPES: Final = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_BOUNDS: Final = {
    "minimum": "must be at least",
    "maximum": "must be at most",
    "exclusiveMinimum": "must be more than",
    "exclusiveMaximum": "must be less than",
    "minProperties": "needs entries, at least",
    "maxProperties": "has too many entries, more than",
    "minItems": "needs items, at least",
    "maxItems": "has too many items, more than",
    "minLength": "must have characters, at least",
    "maxLength": "is too long; characters at most",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Violation:
    """A violation of the schema, and the part of the tree that it is about.

    Attributes:
        error: the violation as the validator reports it.
        root: the tree that was validated.
        node: the value that breaks the rule.
        name: the key that holds the value; for an item, the key of its list; empty for the file.
    """

    error: Fault
    root: Node
    node: Node
    name: str

    @property
    def rule(self) -> Any:
        """The value of the keyword that is broken, such as the bound of `minimum`."""
        return self.error.validator_value

    @property
    def value(self) -> Any:
        """The value without positions."""
        return self.error.instance

    @property
    def where(self) -> str:
        """The mapping that the message is about, as the end of a sentence."""
        return f" in '{self.name}'" if self.name else ""

    @property
    def remedy(self) -> str:
        """What the schema says about the value."""
        return str(self.error.schema.get("description", "")) or "see the language reference"


def worded(error: Fault, root: Node) -> Iterator[Diagnostic]:
    """Puts a violation of the schema into words, lazily: a suggestion costs a comparison of names.

    Args:
        error: a violation.
        root: the tree that was validated.
    """
    path = tuple(error.absolute_path)
    keys = [step for step in path if isinstance(step, str)]
    name = keys[-1] if keys else ""
    violation = _Violation(error=error, root=root, node=root.at(path), name=name)
    rule = _RULES.get(error.validator, _out_of_bounds)
    yield from rule(violation)


def described(part: Schema) -> str:
    """The description of a part of the schema: its own, or that of the definition it refers to."""
    own = part.get("description")
    if own:
        return str(own)
    name = str(part.get("$ref", "")).rsplit("/", 1)[-1]
    definition = experiment_schema()["definitions"].get(name, {})
    return str(definition.get("description", ""))


# --- one function a rule ----------------------------------------------------------------------


def _unknown_keys(violation: _Violation) -> Iterator[Diagnostic]:
    properties = violation.error.schema["properties"]
    allowed = [key for key in properties if key != "$schema"]
    code, noun = "E102", "unknown key"
    # The keys of `checks` are the kinds of components.
    if set(allowed) == set(definitions()["check"]):
        code, noun = "E105", "unknown component"
    for key in violation.value:
        if key not in properties:
            child = violation.node.at((key,))
            message = f"{noun} '{key}'{violation.where}"
            yield child.key_fault(code, message, suggest(str(key), allowed))


def _missing_key(violation: _Violation) -> Iterator[Diagnostic]:
    # The validator reports every missing key by itself, and names it in its message only.
    absent = [key for key in violation.rule if key not in violation.value]
    key = next(key for key in absent if f"'{key}'" in violation.error.message)
    message = f"missing key '{key}'{violation.where}"
    help = f"add '{key}:'{_hint(violation.error.schema, key)}"
    yield violation.node.key_fault("E104", message, help)


def _other_choice(violation: _Violation) -> Iterator[Diagnostic]:
    value, rule = violation.value, violation.rule
    if violation.error.validator == "const":
        rule = [rule]
    elif violation.name == "kind" and isinstance(value, str):
        message = f"unknown component '{value}'"
        yield violation.node.fault("E105", message, suggest(value, rule))
        return
    allowed = [str(item) for item in rule if item is not None]
    message = f"{_shown(value)} is not allowed for '{violation.name}'"
    help = suggest(str(value), allowed) + _release(violation.error.schema)
    yield violation.node.fault("E106", message, help)


def _wrong_type(violation: _Violation) -> Iterator[Diagnostic]:
    name = violation.name or "the file"
    expected = _expected({"type": violation.rule})
    message = f"'{name}' must be {expected}, not {_kind_of(violation.value)}"
    yield violation.node.fault("E103", message, violation.remedy)


def _no_option(violation: _Violation) -> Iterator[Diagnostic]:
    """The errors of the option that the value was meant for; if that is open, what is expected."""
    errors = _meant(violation.error)
    if errors:
        for error in errors:
            yield from worded(error, violation.root)
        return
    options = [option for option in violation.rule if option.get("type") != "null"]
    expected = " or ".join(map(_expected, options))
    message = f"'{violation.name}' must be {expected}, not {_kind_of(violation.value)}"
    yield violation.node.fault("E103", message, violation.remedy)


def _other_form(violation: _Violation) -> Iterator[Diagnostic]:
    value, rule = violation.value, violation.rule
    # A rule of `propertyNames`: the value is the key, and the path is that of the mapping.
    if violation.error.parent is None and isinstance(violation.node.value, dict):
        key = violation.node.at((value,))
        yield key.key_fault("E106", f"'{value}' is no valid name", _NAME_HELP)
        return
    help = str(violation.error.schema.get("description", f"it must match {rule}"))
    # One help for all names; a description tells what the name is for.
    if rule == NAME_PATTERN:
        help = _NAME_HELP
    message = f"{_shown(value)} is not allowed for '{violation.name}'"
    yield violation.node.fault("E106", message, help)


def _out_of_bounds(violation: _Violation) -> Iterator[Diagnostic]:
    bound = _bound(str(violation.error.validator), violation.rule, violation.value)
    yield violation.node.fault("E106", f"'{violation.name}': {bound}", violation.remedy)


_RULES: Final[dict[str, Callable[[_Violation], Iterator[Diagnostic]]]] = {
    "additionalProperties": _unknown_keys,
    "required": _missing_key,
    "enum": _other_choice,
    "const": _other_choice,
    "type": _wrong_type,
    "anyOf": _no_option,
    "pattern": _other_form,
}


# --- the option of `anyOf` that was meant -----------------------------------------------------


def _meant(error: Fault) -> list[Fault]:
    """The errors of the option that a value was meant for; empty if more than one may be."""
    options: dict[int, list[Fault]] = {}
    for inner in error.context or []:
        options.setdefault(int(inner.schema_path[0]), []).append(inner)
    possible = [errors for errors in options.values() if not any(map(_rules_out, errors))]
    if len(possible) == 1:
        return possible[0]
    if not possible or not isinstance(error.instance, dict):
        return []
    # Of several mappings, the one whose keys fit best.
    likely = min(possible, key=_wrong_keys)
    return likely if _knows_a_key(likely, error.instance) else []


def _rules_out(error: Fault) -> bool:
    """Whether an error says that a value is another thing, and not the same thing with a fault."""
    return not error.path and error.validator in ("type", "enum", "const")


def _wrong_keys(errors: list[Fault]) -> int:
    return sum(error.validator in ("additionalProperties", "required") for error in errors)


def _knows_a_key(errors: list[Fault], instance: dict[str, Any]) -> bool:
    allowed = {key for error in errors for key in error.schema.get("properties", {})}
    return not allowed.isdisjoint(instance)


# --- values and schemas in words --------------------------------------------------------------


def _expected(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _expected(experiment_schema()["definitions"][name])
    if "allOf" in schema:
        return _expected(schema["allOf"][0])
    if "enum" in schema:
        return " or ".join(f"'{item}'" for item in schema["enum"] if item is not None)
    types = _types(schema)
    if types == ["object"] and schema.get("properties"):
        keys = list(schema["properties"])[:MOST_KEYS_NAMED]
        return "a mapping with " + ", ".join(f"'{key}'" for key in keys)
    return " or ".join(_TYPES.get(name, str(name)) for name in types)


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", "a value")
    if isinstance(types, str):
        return [types]
    # Null only takes a key away; as the type of a value nobody is told of it.
    return [name for name in types if name != "null"]


def _kind_of(value: Json) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return _shown(value)


def _shown(value: Json) -> str:
    text = f"'{value}'"
    if not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    return shortened(text, LONGEST_SHOWN)


def _bound(keyword: str, rule: Any, value: Json) -> str:
    if keyword == "uniqueItems":
        return "lists something twice"
    phrase = f"{_BOUNDS.get(keyword, keyword)} {rule}"
    if isinstance(value, int | float):
        phrase += f", not {_shown(value)}"
    return phrase


def _release(schema: Schema) -> str:
    """The release of the library whose values are allowed; a later release may have more."""
    if "x-list" not in schema:
        return ""
    return f" (known are {schema['x-list']})"


def _hint(schema: Schema, key: str) -> str:
    """The description of a missing key, if it is one line."""
    text = described(schema.get("properties", {}).get(key, {}))
    if not text or "\n" in text:
        return ""
    return f" ({text.rstrip('.')})"

"""The published JSON Schema and what it says about a positioned tree. Typed records are made in `spec`, not here.

The schema (draft-07) is generated from the records of `spec` and the components' JSON files, so code, editors and
documentation cannot disagree. Two keywords are ours: `x-file` marks a path, `x-slot` a component (build time only).
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import jsonschema
import msgspec

from dataenvgym_spec.components import Definition, definitions
from dataenvgym_spec.errors import Diagnostic, Span, suggest
from dataenvgym_spec.source import Json, Node
from dataenvgym_spec.spec import NAME_PATTERN, Experiment

Schema = dict[str, Any]

ARM_KEYS: Final = ("student", "teachers", "environment", "skills", "agent", "loop", "select")


@cache
def experiment_schema() -> Schema:
    """The JSON Schema of a whole spec file."""
    raw = msgspec.json.schema(Experiment, ref_template="#/definitions/{name}")
    parts: dict[str, Schema] = {name: _clean(part) for name, part in raw["$defs"].items()}
    for slot, kinds in definitions().items():
        parts[slot] = _slot_schema(slot, kinds)
        for kind, item in kinds.items():
            parts[f"{slot}.{kind}"] = _component_schema(item, with_kind=slot != "check")
    partial = {f"partial.{name}": _partial(part) for name, part in parts.items() if "." not in name}
    root = parts.pop("Experiment")
    arm = partial.pop("partial.Experiment")
    arm["properties"] = {key: value for key, value in arm["properties"].items() if key in ARM_KEYS}
    arm["description"] = "What this arm changes; `null` removes a key."
    partial["arm"] = arm
    root["properties"]["arms"] = {
        "type": "object",
        "description": "Variants that are run side by side and share everything they have in common.",
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": {"$ref": "#/definitions/arm"},
        "minProperties": 1,
    }
    root["properties"]["$schema"] = {"type": "string", "description": "Where an editor finds this schema."}
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "dataenvgym_spec experiment"}
    body = {key: value for key, value in root.items() if key != "title"}
    return {**head, **body, "definitions": dict(sorted({**parts, **partial}.items()))}


def schema_text() -> str:
    """The schema as the text of `schemas/experiment.schema.json`."""
    return json.dumps(experiment_schema(), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def _clean(part: Any) -> Any:
    """Draft-07 form of what msgspec generates: docstrings dedented, `$ref` alone in its mapping, slots resolved."""
    if isinstance(part, list):
        return [_clean(item) for item in part]
    if not isinstance(part, dict):
        return part
    out = {key: _clean(value) for key, value in part.items()}
    if isinstance(out.get("description"), str):
        out["description"] = " ".join(inspect.cleandoc(out["description"]).split())
    if "x-slot" in out:
        return {"description": out.get("description", ""), "allOf": [{"$ref": f"#/definitions/{out['x-slot']}"}]}
    if "x-slot-map" in out:
        return {"description": out["description"], "allOf": [{"$ref": f"#/definitions/{out['x-slot-map']}"}]}
    if "default" in out and out["default"] is None:  # an optional record field: leaving it out is the way to have none
        (only,) = [option for option in out["anyOf"] if option != {"type": "null"}]
        return only
    if "$ref" in out and len(out) > 1:
        return {**{key: value for key, value in out.items() if key != "$ref"}, "allOf": [{"$ref": out["$ref"]}]}
    return out


def _slot_schema(slot: str, kinds: dict[str, Definition]) -> Schema:
    if slot == "check":
        properties = {kind: {"$ref": f"#/definitions/check.{kind}"} for kind in kinds}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    text = "\n".join(f"{kind}: {item.description}" for kind, item in kinds.items())
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(kinds), "description": text}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": f"#/definitions/{slot}.{kind}"}}
            for kind in kinds
        ],
    }


def _component_schema(item: Definition, *, with_kind: bool) -> Schema:
    kind = {"kind": {"const": item.kind, "description": item.description}} if with_kind else {}
    return {
        "title": item.title,
        "description": item.description,
        "type": "object",
        "properties": {**kind, **copy.deepcopy(item.schema["properties"])},
        "required": [*kind, *item.schema["required"]],
        "additionalProperties": False,
    }


def _partial(part: Schema) -> Schema:
    """The schema of an override: nothing is required and `null` removes a key. What it lacks is known after merging."""
    out = copy.deepcopy(part)
    out.pop("required", None)
    out.pop("allOf", None)
    for name, value in out.get("properties", {}).items():
        if name != "kind":
            out["properties"][name] = {"description": value.get("description", ""), "anyOf": [_partial_refs(value), {"type": "null"}]}
    return out


def _partial_refs(value: Any) -> Any:
    if isinstance(value, list):
        return [_partial_refs(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {key: _partial_refs(item) for key, item in value.items()}
    if "$ref" in out and "." not in out["$ref"]:
        out["$ref"] = out["$ref"].replace("#/definitions/", "#/definitions/partial.")
    elif "$ref" in out and not out["$ref"].startswith("#/definitions/check."):  # an override of a component's options is checked after merging, against the kind it ends up with
        return {"type": "object"}
    return out


# --- validation -------------------------------------------------------------------------------------------------------


def validate(node: Node) -> list[Diagnostic]:
    """Everything the schema has to say about a tree, with places."""
    validator = jsonschema.Draft7Validator(experiment_schema())
    return [finding for error in validator.iter_errors(node.plain()) for finding in _translate(error, node)]


def file_references(node: Node) -> list[tuple[tuple[str | int, ...], str]]:
    """Where a valid tree names files: `(path, "template" | "data" | "directory")`."""
    # The stubs know no custom keyword functions; jsonschema documents them under "Extending or Creating Validators".
    marking = jsonschema.validators.extend(jsonschema.Draft7Validator, {"x-file": _mark_file})  # type: ignore[no-untyped-call]
    return sorted(
        {(tuple(e.absolute_path), str(e.validator_value)) for e in marking(experiment_schema()).iter_errors(node.plain()) if e.validator == "x-file"},
        key=str,
    )


def _mark_file(_validator: Any, _form: Any, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str):
        yield jsonschema.ValidationError("a file")


def _translate(error: jsonschema.ValidationError, root: Node) -> Iterator[Diagnostic]:
    node = root.at(tuple(error.absolute_path))
    name = str(error.absolute_path[-1]) if error.absolute_path else ""
    rule: Any = error.validator_value
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(error, node, name)
        case "required":
            missing = next(key for key in rule if key not in error.instance and f"'{key}'" in error.message)
            where = f" in '{name}'" if name else ""
            yield _at(node, "E104", f"missing key '{missing}'{where}", f"add '{missing}:'{_hint(error.schema, missing)}")
        case "enum" if name == "kind" and isinstance(error.instance, str):
            yield _value(node, "E105", f"unknown component '{error.instance}'", suggest(error.instance, rule))
        case "enum" | "const":
            allowed = [str(item) for item in (rule if error.validator == "enum" else [rule])]
            yield _value(node, "E106", f"{_shown(error.instance)} is not allowed for '{name}'", suggest(str(error.instance), allowed))
        case "type":
            yield _value(node, "E103", f"'{name or 'the file'}' must be {_expected({'type': rule})}, not {_kind_of(error.instance)}", _remedy(error.schema))
        case "anyOf":
            yield from _any_of(error, root, node, name)
        case "pattern" if error.parent is None and isinstance(node.value, dict):
            key = node.value[error.instance].key if error.instance in node.value else None
            yield Diagnostic(code="E106", message=f"'{error.instance}' is no valid name", span=key or node.span, help=_NAME_HELP)
        case "pattern":
            help = _NAME_HELP if rule == NAME_PATTERN else str(error.schema.get("description", f"it must match {rule}"))
            yield _value(node, "E106", f"{_shown(error.instance)} is not allowed for '{name}'", help)
        case _:
            yield _value(node, "E106", f"'{name}': {_bound(str(error.validator), rule, error.instance)}", _remedy(error.schema))


_NAME_HELP: Final = "use letters, digits, '-' and '_', beginning with a letter; it becomes the name of a DVC stage"


def _unknown_keys(error: jsonschema.ValidationError, node: Node, name: str) -> Iterator[Diagnostic]:
    allowed = [key for key in error.schema["properties"] if key != "$schema"]
    checks = set(allowed) == set(definitions()["check"])
    for key in error.instance:
        if key not in error.schema["properties"]:
            child = node.value[key] if isinstance(node.value, dict) else node
            where = f" in '{name}'" if name else ""
            what = "unknown component" if checks else "unknown key"
            yield Diagnostic(
                code="E105" if checks else "E102", message=f"{what} '{key}'{where}", span=child.key or child.span, help=suggest(str(key), allowed)
            )


def _any_of(error: jsonschema.ValidationError, root: Node, node: Node, name: str) -> Iterator[Diagnostic]:
    """Reports the branch that the value was meant for, if its type tells; otherwise what is expected."""
    options: list[Schema] = list(error.validator_value)
    branches: dict[int, list[jsonschema.ValidationError]] = {}
    for item in error.context or []:
        branches.setdefault(int(item.schema_path[0]), []).append(item)
    meant = [items for items in branches.values() if not any(not e.path and e.validator in ("type", "enum", "const") for e in items)]
    if isinstance(error.instance, dict) and len(meant) > 1:
        meant = sorted(meant, key=lambda items: sum(e.validator in ("additionalProperties", "required") for e in items))
        meant = meant[:1] if meant[0] is not meant[-1] and _keys_fit(meant[0], error.instance) else []
    if len(meant) == 1:
        for item in meant[0]:
            yield from _translate(item, root)
    else:
        expected = " or ".join(_expected(option) for option in options if option.get("type") != "null")
        yield _value(node, "E103", f"'{name}' must be {expected}, not {_kind_of(error.instance)}", _remedy(error.schema))


def _keys_fit(errors: list[jsonschema.ValidationError], instance: dict[str, Any]) -> bool:
    return any(key in error.schema.get("properties", {}) for error in errors for key in instance)


def _expected(schema: Schema) -> str:
    if "$ref" in schema:
        return _expected(experiment_schema()["definitions"][schema["$ref"].rsplit("/", 1)[1]])
    if "allOf" in schema:
        return _expected(schema["allOf"][0])
    if "enum" in schema:
        return " or ".join(f"'{item}'" for item in schema["enum"])
    if schema.get("type") == "object" and schema.get("properties"):
        return "a mapping with " + ", ".join(f"'{key}'" for key in list(schema["properties"])[:6])
    kinds = schema.get("type", "a value")
    names = {"integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false", "array": "a list", "object": "a mapping"}
    return " or ".join(names.get(kind, str(kind)) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _kind_of(value: Json) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else _shown(value)


def _shown(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else f"'{value}'"
    return text if len(text) <= 60 else text[:57] + "..."


def _bound(keyword: str, rule: Any, value: Json) -> str:
    words = {
        "minimum": "must be at least", "maximum": "must be at most", "exclusiveMinimum": "must be more than", "exclusiveMaximum": "must be less than",
        "minProperties": "needs entries, at least", "minItems": "needs items, at least", "maxItems": "has too many items, more than",
        "minLength": "must have characters, at least", "maxLength": "is too long; characters at most",
    }  # fmt: skip
    if keyword == "uniqueItems":
        return "lists something twice"
    shown = f", not {_shown(value)}" if isinstance(value, int | float) else ""
    return f"{words.get(keyword, keyword)} {rule}{shown}"


def _remedy(schema: Schema) -> str:
    return str(schema.get("description", "")) or "see the language reference"


def _hint(schema: Schema, key: str) -> str:
    text = schema.get("properties", {}).get(key, {}).get("description", "")
    return f" ({text.rstrip('.')})" if text and "\n" not in text else ""


def _at(node: Node, code: str, message: str, help: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=node.key or node.span, help=help)


def _value(node: Node, code: str, message: str, help: str) -> Diagnostic:
    span: Span = node.span
    return Diagnostic(code=code, message=message, span=span, help=help)


# --- defaults ---------------------------------------------------------------------------------------------------------


def with_defaults(slot: str, options: dict[str, Any]) -> dict[str, Any]:
    """A component's options with its defaults filled in and whole numbers made floats where a number is meant."""
    kind = options["kind"]
    filled = _fill({"type": "object", **definitions()[slot][kind].schema}, {k: v for k, v in options.items() if k != "kind"})
    return {"kind": kind, **filled}


def _fill(schema: Schema, value: Any) -> Any:
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        out = {key: copy.deepcopy(part["default"]) for key, part in known.items() if "default" in part and key not in value}
        return {**out, **{key: _fill(known.get(key, {}), item) for key, item in value.items()}}
    if isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        return {key: _fill(schema["additionalProperties"], item) for key, item in value.items()}
    if schema.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value

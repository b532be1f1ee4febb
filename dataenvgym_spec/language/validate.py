"""What the schema says about a positioned tree: diagnostics with places, and where a tree names files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

import jsonschema

from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.schema import Schema, experiment_schema
from dataenvgym_spec.language.source import Json, Node
from dataenvgym_spec.language.spec import NAME_PATTERN

Fault = Any
"""A `jsonschema.ValidationError`: its stubs allow each attribute to be unset, which none is after `iter_errors`."""


Reference = tuple[tuple[str | int, ...], str]
"""Where a tree names a file or a revision: its path in the tree, and "template", "data" or "directory", or "model" or "dataset"."""

MARKS: Final = ("x-file", "x-revision")
"""Keywords of the schema that mark what a value names: a file, or a revision of a "model" or a "dataset" of the hub."""


MAX_FINDINGS: Final = 200
"""Findings looked for in one section: each is put into words, and nobody reads more."""


def _strict() -> Any:
    # The stubs know no custom keyword functions; jsonschema documents them under "Extending or Creating Validators".
    # Draft-07 counts 2.0 as an integer; the typed records do not.
    types = jsonschema.Draft7Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    exact = {"pattern": _pattern, "uniqueItems": _unique}
    return jsonschema.validators.extend(jsonschema.Draft7Validator, exact, type_checker=types)  # type: ignore[no-untyped-call]


def against(schema: Schema, node: Node) -> list[Diagnostic]:
    """Everything that the schema of another file than a spec has to say about a tree."""
    return [
        finding
        for error in _strict()(schema).iter_errors(node.plain())
        for finding in _translate(error, node)
    ]


class Checker:
    """What the schema says about trees that have sections in common: each section (`task`, `student`, ...) is looked at once.

    Arms and the points of a matrix differ in a few values, and merging keeps what they share the same object.
    """

    def __init__(self) -> None:
        schema = experiment_schema()
        strict = _strict()
        marking = jsonschema.validators.extend(strict, dict.fromkeys(MARKS, _mark))  # type: ignore[no-untyped-call]
        outline = schema["definitions"]["spec"]
        self._sections: Schema = outline["properties"]
        self._whole, self._marking = strict(schema), marking(schema)
        self._override = strict(
            {"$ref": "#/definitions/partial.spec", "definitions": schema["definitions"]}
        )
        self._outline = strict(
            {
                **outline,
                "properties": {
                    name: {"description": _described(part)} for name, part in self._sections.items()
                },
            }
        )
        # A node is kept with what was found, so that no other can come to have its id.
        self._found: dict[tuple[str, int], tuple[Node, list[Diagnostic]]] = {}
        self._marks: dict[tuple[str, int], tuple[Node, list[tuple[str, Reference]]]] = {}

    def validate(self, node: Node) -> list[Diagnostic]:
        """Everything the schema has to say about a mapping, with places."""
        assert isinstance(node.value, dict)
        found = [
            finding
            for error in self._outline.iter_errors(dict.fromkeys(node.value))
            for finding in _translate(error, node)
        ]
        return found + [
            finding
            for name, section in node.value.items()
            if name in self._sections
            for finding in self.section(name, section)
        ]

    def fragment(self, node: Node) -> list[Diagnostic]:
        """What the schema has to say about a part of a spec: all but what is missing."""
        return [
            finding
            for error in self._override.iter_errors(node.plain())
            for finding in _translate(error, node)
        ]

    def section(self, name: str, node: Node) -> list[Diagnostic]:
        """What the schema says about one section."""
        if (name, id(node)) not in self._found:
            root = Node(value={name: node}, span=node.span)
            errors = self._whole.descend(node.plain(), self._sections[name], path=name)
            self._found[name, id(node)] = (
                node,
                list(
                    islice(
                        (finding for error in errors for finding in _translate(error, root)),
                        MAX_FINDINGS,
                    )
                ),
            )
        return self._found[name, id(node)][1]

    def files(self, node: Node) -> list[Reference]:
        """Where a valid tree names files, in order of the paths."""
        return self._marked("x-file", node)

    def revisions(self, node: Node) -> list[Reference]:
        """Where a valid tree names revisions of the hub, each beside the `id` of its repository, in order of the paths."""
        return self._marked("x-revision", node)

    def _marked(self, keyword: str, node: Node) -> list[Reference]:
        assert isinstance(node.value, dict)
        marks = (
            mark
            for name, section in node.value.items()
            if name in self._sections
            for mark in self._marks_of(name, section)
        )
        return sorted({item for found, item in marks if found == keyword}, key=str)

    def _marks_of(self, name: str, node: Node) -> list[tuple[str, Reference]]:
        if (name, id(node)) not in self._marks:
            errors = self._marking.descend(node.plain(), self._sections[name], path=name)
            found = [
                (error.validator, (tuple(error.absolute_path), str(error.validator_value)))
                for error in errors
                if error.validator in MARKS
            ]
            self._marks[name, id(node)] = node, found
        return self._marks[name, id(node)][1]


def unsaid(found: Iterable[Diagnostic], told: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The findings at places that nothing was said about yet: what follows from a mistake is not told beside it."""
    places = {(finding.span, finding.span.text) for finding in told if finding.span is not None}
    return [
        finding
        for finding in found
        if finding.span is None or (finding.span, finding.span.text) not in places
    ]


def _described(part: Any) -> str:
    """What a schema says about its value, beside a reference or behind it."""
    referred = experiment_schema()["definitions"].get(
        str(part.get("$ref", "")).rsplit("/", 1)[-1], {}
    )
    return str(part.get("description") or referred.get("description", ""))


def _pattern(
    _validator: Any, form: str, instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    """`$` is the end of the text, as JSON Schema has it; in Python it also stands before a last line break."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", form), instance):
        yield jsonschema.ValidationError("does not match")


def _unique(
    _validator: Any, wanted: bool, instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    """In time linear in the items; the library compares every pair when they are of mixed types."""
    if (
        wanted
        and isinstance(instance, list)
        and len({canonical(item) for item in instance}) < len(instance)
    ):
        yield jsonschema.ValidationError("lists something twice")


def _mark(
    _validator: Any, _form: Any, instance: Any, _schema: Any
) -> Iterator[jsonschema.ValidationError]:
    if isinstance(instance, str):
        yield jsonschema.ValidationError("marked")


def _translate(error: Fault, root: Node) -> Iterator[Diagnostic]:
    node = root.at(tuple(error.absolute_path))
    name = next(
        (step for step in reversed(error.absolute_path) if isinstance(step, str)), ""
    )  # an item is called as its list
    rule: Any = error.validator_value
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(error, node, name)
        case "required":
            missing = next(
                key for key in rule if key not in error.instance and f"'{key}'" in error.message
            )
            where = f" in '{name}'" if name else ""
            yield node.key_fault(
                "E104",
                f"missing key '{missing}'{where}",
                f"add '{missing}:'{_hint(error.schema, missing)}",
            )
        case "enum" if name == "kind" and isinstance(error.instance, str):
            yield node.fault(
                "E105", f"unknown component '{error.instance}'", suggest(error.instance, rule)
            )
        case "enum" | "const":
            allowed = [
                str(item)
                for item in (rule if error.validator == "enum" else [rule])
                if item is not None
            ]
            yield node.fault(
                "E106",
                f"{_shown(error.instance)} is not allowed for '{name}'",
                suggest(str(error.instance), allowed) + _listed(error.schema),
            )
        case "type":
            yield node.fault(
                "E103",
                f"'{name or 'the file'}' must be {_expected({'type': rule})}, not {_kind_of(error.instance)}",
                _remedy(error.schema),
            )
        case "anyOf":
            yield from _any_of(error, root, node, name)
        case "pattern" if error.parent is None and isinstance(node.value, dict):
            yield node.at((error.instance,)).key_fault(
                "E106", f"'{error.instance}' is no valid name", _NAME_HELP
            )
        case "pattern":
            help = (
                _NAME_HELP
                if rule == NAME_PATTERN
                else str(error.schema.get("description", f"it must match {rule}"))
            )
            yield node.fault("E106", f"{_shown(error.instance)} is not allowed for '{name}'", help)
        case _:
            yield node.fault(
                "E106",
                f"'{name}': {_bound(str(error.validator), rule, error.instance)}",
                _remedy(error.schema),
            )


_NAME_HELP: Final = (
    "use letters, digits, '-' and '_', beginning with a letter; it becomes the name of a DVC stage"
)


def _unknown_keys(error: Fault, node: Node, name: str) -> Iterator[Diagnostic]:
    allowed = [key for key in error.schema["properties"] if key != "$schema"]
    checks = set(allowed) == set(definitions()["check"])
    for key in error.instance:
        if key not in error.schema["properties"]:
            child = node.value[key] if isinstance(node.value, dict) else node
            where = f" in '{name}'" if name else ""
            what = "unknown component" if checks else "unknown key"
            yield child.key_fault(
                "E105" if checks else "E102", f"{what} '{key}'{where}", suggest(str(key), allowed)
            )


def _any_of(error: Fault, root: Node, node: Node, name: str) -> Iterator[Diagnostic]:
    """Reports the branch that the value was meant for, if its type tells; otherwise what is expected."""
    options: list[Schema] = list(error.validator_value)
    branches: dict[int, list[Fault]] = {}
    for item in error.context or []:
        branches.setdefault(int(item.schema_path[0]), []).append(item)
    meant = [
        items
        for items in branches.values()
        if not any(not e.path and e.validator in ("type", "enum", "const") for e in items)
    ]
    if isinstance(error.instance, dict) and len(meant) > 1:
        meant = sorted(
            meant,
            key=lambda items: sum(
                e.validator in ("additionalProperties", "required") for e in items
            ),
        )
        meant = (
            meant[:1] if meant[0] is not meant[-1] and _keys_fit(meant[0], error.instance) else []
        )
    if len(meant) == 1:
        for item in meant[0]:
            yield from _translate(item, root)
    else:
        expected = " or ".join(
            _expected(option) for option in options if option.get("type") != "null"
        )
        yield node.fault(
            "E103",
            f"'{name}' must be {expected}, not {_kind_of(error.instance)}",
            _remedy(error.schema),
        )


def _keys_fit(errors: list[Fault], instance: dict[str, Any]) -> bool:
    return any(key in error.schema.get("properties", {}) for error in errors for key in instance)


def _expected(schema: Schema) -> str:
    if "$ref" in schema:
        return _expected(experiment_schema()["definitions"][schema["$ref"].rsplit("/", 1)[1]])
    if "allOf" in schema:
        return _expected(schema["allOf"][0])
    if "enum" in schema:
        return " or ".join(f"'{item}'" for item in schema["enum"] if item is not None)
    kinds = schema.get("type", "a value")
    kinds = (
        [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    )  # `null` only takes a key away
    if kinds == ["object"] and schema.get("properties"):
        return "a mapping with " + ", ".join(f"'{key}'" for key in list(schema["properties"])[:6])
    names = {
        "integer": "a whole number",
        "number": "a number",
        "string": "a text",
        "boolean": "true or false",
        "array": "a list",
        "object": "a mapping",
    }
    return " or ".join(names.get(kind, str(kind)) for kind in kinds)


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
        "minProperties": "needs entries, at least", "maxProperties": "has too many entries, more than",
        "minItems": "needs items, at least", "maxItems": "has too many items, more than",
        "minLength": "must have characters, at least", "maxLength": "is too long; characters at most",
    }  # fmt: skip
    if keyword == "uniqueItems":
        return "lists something twice"
    shown = f", not {_shown(value)}" if isinstance(value, int | float) else ""
    return f"{words.get(keyword, keyword)} {rule}{shown}"


def _remedy(schema: Schema) -> str:
    return str(schema.get("description", "")) or "see the language reference"


def _listed(schema: Schema) -> str:
    """Of which release of a library the allowed values are, where the schema says so: a later one may have more."""
    return f" (known are {schema['x-list']})" if "x-list" in schema else ""


def _hint(schema: Schema, key: str) -> str:
    text = _described(schema.get("properties", {}).get(key, {}))
    return f" ({text.rstrip('.')})" if text and "\n" not in text else ""

"""The JSON Schemas of an environment's states, actions and requests, made from their records.

For whoever reads or writes them outside of Python: a policy in another language, a language model.
What the records hold is said by their docstrings, so the schemas cannot disagree with the code. Not
an environment itself.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.gym.environments.protocol import Action, State
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.records.plans import Request
from dataenvgym_spec.records.record import Record

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""What msgspec generates; draft-07, of the spec language, has no pairs."""
PLACE: Final = "#/$defs/"
_NONE: Final = re.compile(r"\bNone\b")
_ATTRIBUTE: Final = re.compile(r"^    (\w+): ((?:.*\n?)(?:^ {8}.*\n?)*)", re.M)


def environment_schema(item: Definition) -> Schema:
    """The schemas of one environment: of its `state`, its `action`, and a `request` that it makes.

    Args:
        item: the definition of the environment, whose class is imported.

    Raises:
        MissingExtra: a package that it needs is not installed.
        UserError: its class does not say what its states and actions are.
    """
    environment = item.load()
    records: dict[str, type[Record]] = {
        "state": _record(item.kind, environment, "state", State),
        "action": _record(item.kind, environment, "action", Action),
        "request": Request,
    }
    references, definitions = _components(*records.values())
    return {
        "$schema": DIALECT,
        "title": item.kind,
        "description": item.description,
        "type": "object",
        "properties": dict(zip(records, references, strict=True)),
        "$defs": definitions,
    }


def record_schema(record: type[Record]) -> Schema:
    """The schema of one record, such as an environment's action.

    >>> record_schema(Request)["required"]
    ['id', 'count', 'skill']
    """
    (reference,), definitions = _components(record)
    whole = definitions.pop(reference["$ref"].removeprefix(PLACE))
    schema = {"$schema": DIALECT, **whole}
    return {**schema, "$defs": definitions} if definitions else schema


def schema_text(schema: Schema) -> str:
    """A schema as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _record(kind: str, environment: type, name: str, base: type[Record]) -> type[Record]:
    """What the class of an environment says of its states or actions."""
    record = getattr(environment, name, None)
    if isinstance(record, type) and issubclass(record, base):
        return record
    message = f"the environment '{kind}' does not say what its {name} is"
    help = f"its class needs the attribute `{name}`, a subclass of `gym.{base.__name__}`"
    raise UserError(message, help=help)


def _components(*records: type[Record]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
    """References to records, and the definitions of all that they hold, by name."""
    references, definitions = msgspec.json.schema_components(
        records, ref_template=f"{PLACE}{{name}}"
    )
    described = {}
    for name, part in definitions.items():
        described[name] = _described(part)
    for record, reference in zip(records, references, strict=True):
        part = described[reference["$ref"].removeprefix(PLACE)]
        # What a record inherits is said where it comes from.
        for parent in record.__mro__[1:]:
            if parent is not Record and issubclass(parent, Record):
                _describe_fields(part, inspect.getdoc(parent) or "")
    return references, described


def _described(part: Schema) -> Schema:
    """The schema of a record with what its docstring says of it and of its fields."""
    docstring = inspect.cleandoc(part.get("description", ""))
    about = _paragraph(docstring.partition("Attributes:\n")[0])
    part = {**part, "description": about}
    _describe_fields(part, docstring)
    return part


def _describe_fields(part: Schema, docstring: str) -> None:
    """Enters what a docstring says of fields, where nothing is said yet."""
    attributes = docstring.partition("Attributes:\n")[2]
    for name, words in _ATTRIBUTE.findall(attributes):
        field = part["properties"].get(name)
        if field is not None:
            field.setdefault("description", _paragraph(words))


def _paragraph(words: str) -> str:
    """Words of a docstring as one line, for readers of JSON."""
    return _NONE.sub("null", " ".join(words.split()))

"""What the schema says about a positioned tree: diagnostics with places, and files it names.

The words of a diagnostic are in `wording`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

import jsonschema

from dataenvgym_spec.core.errors import Diagnostic, Span
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.language.schema import Schema, experiment_schema
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.language.wording import Fault, described, worded

VALUES: Final = ("E103", "E106")
"""Findings about a value: its type, and what it may be."""
MARKS: Final = ("x-file", "x-revision")
"""Keywords of values that name a file, or a revision of a "model" or "dataset" of the hub."""
MAX_FINDINGS: Final = 200
"""Findings looked for in one section, and among the keys of the file: nobody reads more."""

_Errors = Iterator[jsonschema.ValidationError]
_extend: Any = jsonschema.validators.extend  # the stubs give it no types


class Mark(NamedTuple):
    """A place of a tree that names a file or a revision.

    Attributes:
        path: its path in the tree.
        form: of a file one of the words that "x-file" takes, or "model" or "dataset" for a
            revision.
    """

    path: tuple[str | int, ...]
    form: str


def against(schema: Schema, node: Node) -> list[Diagnostic]:
    """The findings of a schema about the tree of a file that is no spec."""
    return _findings(_strict()(schema).iter_errors(node.plain()), node)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """What the schema says about one section: what is wrong, and its marks by keyword."""

    findings: list[Diagnostic]
    marks: list[tuple[str, Mark]]


class _Rules:
    """The validators of the spec language, and the sections that they found nothing wrong in."""

    def __init__(self, schema: Schema) -> None:
        outline = schema["definitions"]["spec"]
        self.sections: Schema = outline["properties"]
        strict = _strict()
        marking = _extend(strict, dict.fromkeys(MARKS, _mark))
        partial = {"$ref": "#/definitions/partial.spec", "definitions": schema["definitions"]}
        names = {name: {"description": described(part)} for name, part in self.sections.items()}
        self.override = strict(partial)
        self.outline = strict({**outline, "properties": names})
        self._whole = marking(schema)
        self._right: dict[tuple[str, str], list[tuple[str, Mark]]] = {}

    def look(self, name: str, plain: Any) -> tuple[list[tuple[str, Mark]], list[Fault]]:
        """The marks of a section, and what is wrong with it.

        A section that was right is looked at once, wherever it stands: most specs of a sweep, and
        of a day's work, differ in a few values.
        """
        text = json.dumps(plain, sort_keys=True)
        known = self._right.get((name, text))
        if known is not None:
            return known, []
        errors: list[Fault] = []
        marks = []
        for error in self._whole.descend(plain, self.sections[name], path=name):
            if error.validator in MARKS:
                mark = Mark(tuple(error.absolute_path), str(error.validator_value))
                marks.append((error.validator, mark))
            else:
                errors.append(error)
        if not errors:
            self._right[name, text] = marks
        return marks, errors


@lru_cache(maxsize=1)
def rules(_schema: int) -> _Rules:
    """What checks by the schema of that identity, which it keeps alive: packages may change it."""
    return _Rules(experiment_schema())


class Checker:
    """Validates trees that have sections in common, each section (`task`, `student`, ...) once.

    Arms and the points of a matrix differ in a few values, and merging keeps what they share the
    same object.
    """

    def __init__(self) -> None:
        self._rules = rules(id(experiment_schema()))
        # What was seen, by identity. The node is stored with it: as long as it lives, no other
        # object gets its id.
        self._seen: dict[tuple[str, int], tuple[Node, _Section]] = {}
        self._outlines: dict[tuple[object, ...], list[Diagnostic]] = {}

    def validate(self, node: Node) -> list[Diagnostic]:
        """Everything the schema has to say about a mapping, with places."""
        assert isinstance(node.value, dict)
        findings = list(self._names(node, node.value))
        for name, section in node.value.items():
            if name in self._rules.sections:
                findings += self.section(name, section)
        return findings

    def fragment(self, node: Node) -> list[Diagnostic]:
        """What the schema has to say about a part of a spec: all but what is missing."""
        return _findings(self._rules.override.iter_errors(node.plain()), node)

    def section(self, name: str, node: Node) -> list[Diagnostic]:
        """What the schema says about one section."""
        return self._look(name, node).findings

    def _look(self, name: str, node: Node) -> _Section:
        key = (name, id(node))
        if key not in self._seen:
            marks, errors = self._rules.look(name, node.plain())
            findings = _findings(errors, Node(value={name: node}, span=node.span))
            self._seen[key] = (node, _Section(findings=findings, marks=marks))
        return self._seen[key][1]

    def files(self, node: Node) -> list[Mark]:
        """Where a valid tree names files, in order of the paths."""
        return self._marked("x-file", node)

    def revisions(self, node: Node) -> list[Mark]:
        """Where a valid tree names revisions of the hub, in order of the paths.

        The `id` of the repository is a key of the same mapping.
        """
        return self._marked("x-revision", node)

    def _names(self, node: Node, sections: dict[str, Node]) -> list[Diagnostic]:
        """Unknown and missing sections: once for all trees that have the same keys."""
        keys = [(name, *_place(child.key or child.span)) for name, child in sections.items()]
        place = (*_place(node.key or node.span), *keys)
        if place not in self._outlines:
            errors = self._rules.outline.iter_errors(dict.fromkeys(sections))
            self._outlines[place] = _findings(errors, node)
        return self._outlines[place]

    def _marked(self, keyword: str, node: Node) -> list[Mark]:
        assert isinstance(node.value, dict)
        marks: set[Mark] = set()
        for name, section in node.value.items():
            if name in self._rules.sections:
                for marker, mark in self._look(name, section).marks:
                    if marker == keyword:
                        marks.add(mark)
        # Paths mix keys and indexes, which have no order among each other.
        return sorted(marks, key=str)


def unsaid(later: Iterable[Diagnostic], earlier: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The later findings at places where there is no earlier one.

    One mistake often breaks several rules at one place; the first of them says enough.
    """
    places = {_place(finding.span) for finding in earlier if finding.span is not None}
    kept = []
    for finding in later:
        if finding.span is None or _place(finding.span) not in places:
            kept.append(finding)
    return kept


def _place(span: Span) -> tuple[Span, str]:
    """A place that can be compared: two settings of the command line differ in their text only."""
    return span, span.text


def _findings(errors: Iterable[Fault], root: Node) -> list[Diagnostic]:
    """The first findings in words; the others are not worked out."""
    findings = (finding for error in errors for finding in worded(error, root))
    return list(islice(_once(findings), MAX_FINDINGS))


def _once(findings: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Findings, of which each value has one: what else is wrong of it follows from the first.

    Every kind of a component asks for a mapping, and a fraction is no whole number of at least 1.
    """
    told: set[tuple[Span, str]] = set()
    for finding in findings:
        if finding.code not in VALUES or finding.span is None:
            yield finding
        elif _place(finding.span) not in told:
            told.add(_place(finding.span))
            yield finding


# --- keywords of the schema -------------------------------------------------------------------


@cache
def _strict() -> Any:
    # The stubs know no custom keyword functions; jsonschema documents them under "Extending or
    # Creating Validators". Draft-07 counts 2.0 as an integer; the typed records do not.
    types = jsonschema.Draft7Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    exact = {"pattern": _pattern, "uniqueItems": _unique}
    return _extend(jsonschema.Draft7Validator, exact, type_checker=types)


def _is_integer(_checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _pattern(_validator: Any, form: str, instance: Any, _schema: Any) -> _Errors:
    """`pattern` as JSON Schema has it: `$` is the end of the text.

    In Python it also matches before a last line break.
    """
    whole = re.sub(r"\$$", r"\\Z", form)
    if isinstance(instance, str) and not re.search(whole, instance):
        yield jsonschema.ValidationError("does not match")


def _unique(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> _Errors:
    """`uniqueItems` in linear time; the library compares every pair of items of mixed types."""
    if not wanted or not isinstance(instance, list):
        return
    if len({canonical(item) for item in instance}) < len(instance):
        yield jsonschema.ValidationError("lists something twice")


def _mark(_validator: Any, _form: Any, instance: Any, _schema: Any) -> _Errors:
    if isinstance(instance, str):
        yield jsonschema.ValidationError("marked")

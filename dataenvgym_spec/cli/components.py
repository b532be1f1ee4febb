"""`dataenvgym components`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from operator import attrgetter
from textwrap import wrap
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import as_json, print_json
from dataenvgym_spec.core.errors import UserError, suggest, visible
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declared import Definition, Part
from dataenvgym_spec.language.schema import published

WIDTH: Final = 80
"""Columns, in a terminal and elsewhere alike."""
ROW: Final = "  {:17}{:>4}  "
"""What a row begins with: kind and semantics."""
REST: Final = " " * len(ROW.format("", ""))
FACT: Final = f"{REST}- "
READS: Final = {
    "student": "the latest student",
    "pool": "the pool",
    "pool-results": "the pool, and the latest student's answers to it",
    "splits": "hashes of splits",
    "skills": "the skills of the task",
}


@click.command("components")
@click.argument("slot", required=False)
@as_json
def command(slot: str | None, as_json: bool) -> None:
    """List the components that a spec can name, or those of one slot: what each is for, what it
    needs, and what it works with.

    Those of installed packages are among them. Nothing of a component is imported.

    \b
    Example:
      dataenvgym components
      dataenvgym components policy
    """
    table = definitions()
    if slot is not None and slot not in table:
        raise UserError(f"there is no slot '{slot}'", help=suggest(slot, table))
    chosen = table if slot is None else {slot: table[slot]}
    items = [item for kinds in chosen.values() for item in kinds.values()]
    if as_json:
        items.sort(key=lambda item: (item.slot, item.kind))
        print_json({"components": [_record(item) for item in items]})
    else:
        click.echo("\n".join(_lines(items)))


def _lines(items: Sequence[Definition]) -> Iterator[str]:
    """The table: a heading for each slot, and what to install for what is missing here."""
    yield f"  {'kind, semantics':21}  what it is for"
    for slot, kinds in groupby(items, attrgetter("slot")):
        yield from ("", slot)
        yield from chain.from_iterable(map(_row, kinds))
    extras = {item.extra_here() for item in items if item.missing()}
    names = ",".join(sorted(filter(None, extras)))
    if names:
        # A line of its own: a command is not wrapped.
        yield from ("", "For what is missing here:", f"  {_install(names)}")


def _row(item: Definition) -> Iterator[str]:
    """The lines of one component: what it is for, then a fact each."""
    number = "-" if item.semantics is None else item.semantics
    begin = ROW.format(visible(item.kind), number)
    yield from _wrapped(_summary(item), begin, REST)
    for fact in _facts(item):
        yield from _wrapped(fact, FACT, f"{REST}  ")


def _wrapped(text: str, begin: str, rest: str) -> list[str]:
    # A package brings its own words: a terminal shall show their characters, not obey them.
    shown = visible(text)
    return wrap(shown, WIDTH, initial_indent=begin, subsequent_indent=rest, break_on_hyphens=False)


def _summary(item: Definition) -> str:
    """The first sentence of its description."""
    words = " ".join(item.description.split())
    return words.partition(". ")[0].removesuffix(".")


def _facts(item: Definition) -> Iterator[str]:
    """Who brings it, what it needs and what it works with."""
    if item.standard:
        yield "holds where a spec names none"
    if item.distribution is not None:
        yield _origin(item)
    needs = [*_packages(item)]
    needs += [_part(part) for part in item.parts if part.required]
    if needs:
        yield f"needs {', '.join(needs)}"
    for part in item.parts:
        if not part.required:
            yield f"can use {_part(part)}"
    if item.reads is not None:
        yield f"reads {READS[item.reads]}"
    for served, values in item.serves.items():
        yield f"serves the {served} {' or '.join(values)}"


def _origin(item: Definition) -> str:
    """The package that brings it, and what stands for a number of its own."""
    package = f"from {item.distribution} {item.release()}".rstrip()
    return package if item.semantics is not None else f"{package}, semantics {item.version()}"


def _packages(item: Definition) -> Iterator[str]:
    """The extra that it needs, or else its packages, and which of them are missing."""
    extra = item.extra_here()
    missing = ", ".join(item.missing())
    listed = f"the extra {extra}" if extra else ", ".join(item.packages)
    if missing:
        yield f"{listed} (missing here: {missing})"
    elif listed:
        yield listed


def _part(part: Part) -> str:
    """What an option stands for, as in "a procedural teacher ('teacher')"."""
    noun = f"{part.takes or ''} {part.slot}".strip()
    if part.takes == "variants":
        noun = f"{part.slot} with variants"
    article = "an" if noun[0] in "aeiou" else "a"
    return f"{article} {noun} ('{'.'.join(part.path)}')"


def _install(extras: str) -> str:
    return f"pip install 'dataenvgym-spec[{extras}]'"


def _record(item: Definition) -> dict[str, Any]:
    """For programs: all that is listed, and the options."""
    return {
        "slot": item.slot,
        "kind": item.kind,
        "title": item.title,
        "summary": _summary(item),
        "description": item.description,
        "semantics": item.version(),
        "distribution": item.distribution,
        "release": item.release() if item.distribution else None,
        "standard": item.standard,
        "promise": item.promise,
        "needs": _needs(item),
        "reads": item.reads,
        "serves": {served: list(values) for served, values in item.serves.items()},
        "options": item.schema | {"properties": published(item.schema["properties"])},
    }


def _needs(item: Definition) -> dict[str, Any]:
    """For programs: packages, which of them are missing here, and other components."""
    missing, extra = item.missing(), item.extra_here()
    return {
        "extra": item.extra,
        "cpu_extra": item.cpu_extra,
        "packages": list(item.packages),
        "missing": list(missing),
        "install": _install(extra) if missing and extra else None,
        "components": [_part_record(part) for part in item.parts],
    }


def _part_record(part: Part) -> dict[str, Any]:
    return {
        "option": ".".join(part.path),
        "slot": part.slot,
        "by": part.by,
        "required": part.required,
        "takes": part.takes,
    }

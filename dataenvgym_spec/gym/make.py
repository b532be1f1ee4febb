"""Makes instances of components from what a stage's parameters say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.declared import Definition
from dataenvgym_spec.language.options import at, with_value


class Described(Protocol):
    """A component with what it refers to, as `graph.component` has it.

    The pipeline is not known here.
    """

    @property
    def slot(self) -> str:
        """What it is plugged into."""

    @property
    def kind(self) -> str:
        """Its name there."""

    @property
    def version(self) -> int | str:
        """The version that the stage was compiled for."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Its own options."""

    @property
    def parts(self) -> Mapping[tuple[str, ...], Described]:
        """What it is made of, by the path of the option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A component as it is sent to another process; see `Described`."""

    slot: str
    kind: str
    version: int | str
    options: Mapping[str, Any]
    parts: Mapping[tuple[str, ...], Described]

    @classmethod
    def of(cls, described: Described) -> Named:
        """A component with all that it is made of."""
        return cls(
            slot=described.slot,
            kind=described.kind,
            version=described.version,
            options=dict(described.options),
            parts={path: cls.of(part) for path, part in described.parts.items()},
        )

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Named:
        """From what `plain` gives."""
        parts = {tuple(path): cls.parse(part) for path, part in content["parts"]}
        return cls(**{**content, "parts": parts})

    def plain(self) -> dict[str, Any]:
        """JSON values."""
        parts = [[list(path), Named.of(part).plain()] for path, part in self.parts.items()]
        return {
            "slot": self.slot,
            "kind": self.kind,
            "version": self.version,
            "options": self.options,
            "parts": parts,
        }


Hand = Callable[[Described], Mapping[str, Any]]
"""Gives a component what it is declared to read, as keyword arguments."""
Around = Callable[[Described, Callable[[], Any]], Any]
"""Gives whoever refers to a component an instance, or something that stands in front of it.

It is handed the component and what makes the instance, which may never be needed.
"""


def make(
    described: Described,
    *,
    files: Mapping[str, Path] | None = None,
    hand: Hand | None = None,
    around: Around | None = None,
    **more: Any,
) -> Any:
    """An instance of a component, its parts made first.

    The class is called with its options as keyword arguments. An option that stands for another
    component holds an instance of it, and one that is declared to be a file (`x-file`) a path.

    Args:
        described: the component.
        files: where the files lie that options name by digest.
        hand: gives it and each of its parts what they read.
        around: puts something in front of it and each of its parts.
        more: arguments that do not come from the spec.

    Raises:
        MissingExtra: a package it needs is not installed.
        UserError: it is not installed, or the stage was compiled for another version of it.
    """
    item = definition(described.slot, described.kind)
    _same_version(described, item)
    arguments: dict[str, Any] = {**_idle(item), **described.options}
    for path in item.files:
        digest = at(arguments, path)
        if isinstance(digest, str) and digest in (files or {}):
            arguments = with_value(arguments, path, (files or {})[digest])
    for path, part in described.parts.items():
        arguments = with_value(arguments, path, make(part, files=files, hand=hand, around=around))
    if described.slot == "check":
        # What is done about an objection is the judge's business; see `language.components.ACTION`.
        arguments.pop("action", None)
    if hand is not None:
        more = {**hand(described), **more}

    def instance() -> Any:
        return item.load()(**arguments, **more)

    return instance() if around is None else around(described, instance)


def _idle(item: Definition) -> dict[str, Any]:
    """The defaults of options that are in no key: they cannot act, or change no result."""
    options = item.schema["properties"]
    names = [name for name, *_ in (*item.marked("x-needs"), *item.marked("x-circumstance"))]
    return {name: options[name]["default"] for name in names if "default" in options[name]}


def _same_version(described: Described, item: Definition) -> None:
    installed = item.version()
    if described.version == installed:
        return
    message = (
        f"this stage was compiled for version {described.version} of the {item.slot} "
        f"'{item.kind}', but version {installed} is installed"
    )
    remedy = "run: dataenvgym compile   (or install the version it was compiled for)"
    raise UserError(message, help=remedy)

"""Where a spec names components: one table, walked by whatever looks at all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.language.components import definition

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place for components.

    Attributes:
        slot: what is plugged in there.
        path: the keys down to it; `*` is any key.
        word: whether a component without options is written as a bare word.
        keyed: whether a component is called by its key instead of a `kind`.
    """

    slot: str
    path: Path
    word: bool = False
    keyed: bool = False


PLACES: Final = (
    Place(slot="task", path=("task", "kind"), word=True),
    Place(slot="source", path=("task", "sources", "*")),
    Place(slot="scorer", path=("task", "score")),
    Place(slot="model", path=("student", "model")),
    Place(slot="trainer", path=("student", "train", "method"), word=True),
    Place(slot="adapter", path=("student", "train", "adapter")),
    Place(slot="backend", path=("student", "generate", "backend"), word=True),
    Place(slot="teacher", path=("teachers", "*")),
    Place(slot="environment", path=("environment",), word=True),
    Place(slot="discovery", path=("skills", "discover")),
    Place(slot="policy", path=("agent", "policy")),
    Place(slot="engine", path=("agent", "engine")),
    Place(slot="check", path=("agent", "checks", "*"), keyed=True),
)


def named(holder: Any, pattern: Path, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The values at the places that a pattern stands for, in a tree of mappings and records.

    There is none where a key is left out.
    """
    if not pattern:
        yield path, holder
        return
    step, *rest = pattern
    for key in tuple(holder) if step == "*" else (step,):
        is_mapping = isinstance(holder, Mapping)
        value = holder.get(key) if is_mapping else getattr(holder, key)
        if value is not None:
            yield from named(value, tuple(rest), (*path, key))


def inline(slot: str, path: Path, options: Mapping[str, Any]) -> Iterator[tuple[str, Path, Any]]:
    """The components that a component holds in its options, at any depth.

    Yields slot, place and options.
    """
    for part in definition(slot, options["kind"]).parts:
        if part.by == "value":
            for inner, held in named(options, part.path):
                place = (*path, *inner)
                yield part.slot, place, held
                yield from inline(part.slot, place, held)

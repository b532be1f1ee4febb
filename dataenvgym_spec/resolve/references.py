"""Names that a spec uses, in a value or on a path, and must define.

They are names of arms, baselines, sources, teachers and groups of sources. Which options hold one
is declared by the components (`x-refers`, `x-groups-of`). Works on trees, so that the names of a
spec that breaks the schema elsewhere are checked as well, except where its other mistakes may hide
them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic, Span, suggest
from dataenvgym_spec.language.analysis import BASE
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declared import REFERRED, Definition
from dataenvgym_spec.language.fields import NAME_PATTERN
from dataenvgym_spec.language.places import PLACES, Place
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.merge import KeyPath

PROBES: Final = ("task", "splits", "probes")
"""Where other test sets are named."""
ROLES: Final = ("test", "selection", "feedback", "pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A mapping whose keys are names that a spec makes up.

    Attributes:
        noun: what a key names, as messages call it.
        path: where the mapping is; `*` is any key.
    """

    noun: str
    path: KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """An undefined name on a path: where on the path, and what is defined there."""

    noun: str
    index: int
    defined: frozenset[str]


def check(tree: Node, *, whole: bool) -> Iterator[Diagnostic]:
    """Undefined names in one arm.

    Args:
        tree: the merged tree of the arm.
        whole: whether it fits the schema; if not, a name is checked only where names of its sort
            are defined at all.
    """
    uses = [("source", tree.find("task", "splits", role, "from")) for role in ROLES]
    for name in _mapping(tree, *PROBES) or {}:
        uses.append(("source", tree.find(*PROBES, name, "from")))
    for prompt in _prompts(tree):
        shown = prompt.find("few_shot", "from")
        if shown is not None and shown.value != "pool":
            uses.append(("source", shown))
    for place in PLACES:
        uses += _names(tree, place)
    for slot, node in uses:
        defined = _mapping(tree, *REFERRED[slot])
        # Sources are required: where there are none, the schema says so. Teachers are not.
        if defined is not None or (whole and slot != "source"):
            yield from _unknown(slot, node, defined or {})
    for place in PLACES:
        yield from _groups(tree, place)
    yield from _circles(tree)


def _circles(tree: Node) -> Iterator[Diagnostic]:
    """Components that name each other in a circle, so that none could be made."""
    for slot, path in REFERRED.items():
        (place,) = [place for place in PLACES if place.path == (*path, "*")]
        named: dict[str, list[Node]] = {}
        for key in _mapping(tree, *path) or {}:
            uses = _names(tree, replace(place, path=(*path, key)))
            named[key] = [use for to, use in uses if to == slot and use is not None]
        for key in named:
            use = _back(key, named)
            if use is not None:
                message = f"the {slot} '{key}' is made of itself: {use.value} leads back to it"
                yield use.fault("E204", message, f"name another {slot}")
                break


def _back(start: str, named: Mapping[str, list[Node]]) -> Node | None:
    """The first name of a component by which it leads back to itself."""
    for use in named[start]:
        seen, ahead = set[str](), [str(use.value)]
        while ahead:
            name = ahead.pop()
            if name == start:
                return use
            if name not in seen:
                seen.add(name)
                ahead += [str(further.value) for further in named.get(name, ())]
    return None


def _prompts(tree: Node) -> Iterator[Node]:
    """The prompts of the student and of baselines."""
    own = tree.find("student", "prompt")
    named = (_mapping(tree, "baselines") or {}).values()
    for prompt in (own, *(baseline.find("prompt") for baseline in named)):
        if prompt is not None:
            yield prompt


def compared(tree: Node, *, default: str, whole: bool) -> Iterator[Diagnostic]:
    """Arms that a contrast or the noise floor names and the spec does not have.

    Args:
        tree: the merged tree before any arm.
        default: what the only arm is called where there are none.
        whole: whether the tree fits the schema.
    """
    arms = _mapping(tree, "arms")
    misnamed = not arms or any(re.fullmatch(NAME_PATTERN, name) is None for name in arms)
    if misnamed and not whole:
        return
    named = arms or {default: tree}
    listed = tree.find("analysis", "contrasts")
    contrasts = listed.value if listed is not None and isinstance(listed.value, tuple) else ()
    for contrast in contrasts:
        against = contrast.find("against")
        if against is not None and isinstance(against.value, dict):
            against = against.find("arm")
        yield from _unknown("arm", contrast.find("arm"), named)
        # The word for the untaught student, which is no arm.
        if against is None or against.value != BASE:
            yield from _unknown("arm", against, named)
    yield from _unknown("arm", tree.find("noise", "of"), named)


def stepped(
    paths: Mapping[KeyPath, Span], layer: Node, below: tuple[Node, ...], *, default: str
) -> Iterator[Diagnostic]:
    """Unknown names in matrix and `--set` paths.

    Merging would create something new under a misspelt name.

    Args:
        paths: the paths, with the places where they were written.
        layer: what they set.
        below: trees that define names, with their arms.
        default: what the only arm is called where there are none.
    """
    for path, span in paths.items():
        node = layer.find(*path)
        defines = node is not None and node.value is not None
        unknown = _step(path, below, default, defines=defines)
        if unknown is None or _is_defined_by(paths, path, unknown.index):
            continue
        name = path[unknown.index]
        message, help = f"there is no {unknown.noun} '{name}'", suggest(name, unknown.defined)
        yield Diagnostic(code="E201", message=message, span=span, help=help)


def holders() -> Iterator[Holder]:
    """The mappings whose keys are names of a spec: arms, teachers, sources, groups of them, ..."""
    yield Holder(noun="arm", path=("arms",))
    yield Holder(noun="baseline", path=("baselines",))
    yield Holder(noun="teacher", path=REFERRED["teacher"])
    yield Holder(noun="source", path=REFERRED["source"])
    yield Holder(noun="probe", path=PROBES)
    for path, words in _group_options().items():
        yield Holder(noun=words["one"], path=(*REFERRED["source"], "*", *path))


def _group_options() -> dict[KeyPath, dict[str, str]]:
    """The options of sources whose keys are groups, by path, with the words for them."""
    options: dict[KeyPath, dict[str, str]] = {}
    for item in definitions()["source"].values():
        options |= item.marked("x-groups")
    return options


def _is_defined_by(paths: Iterable[KeyPath], path: KeyPath, index: int) -> bool:
    """Whether another path defines an unknown name: it ends there, or after it on the same path."""
    return any(other == path[: len(other)] and index < len(other) < len(path) for other in paths)


def _step(path: KeyPath, below: tuple[Node, ...], default: str, *, defines: bool) -> _Step | None:
    """The first undefined name on a path.

    A path that ends at the name of a teacher, a source or a group may define it. An arm is defined
    with all arms or not at all.
    """
    for holder in holders():
        index, is_arm = len(holder.path), holder.noun == "arm"
        if len(path) <= index or not _fits(holder.path, path[:index]):
            continue
        defined: set[str] = set()
        for tree in below:
            defined |= set(_mapping(tree, *path[:index]) or {})
        if is_arm and not defined:
            defined = {default}
        needed = is_arm or not defines or len(path) > index + 1
        if path[index] not in defined and needed:
            return _Step(noun=holder.noun, index=index, defined=frozenset(defined))
        if is_arm:
            return _step_in_arm(path, below, default, defines=defines)
    return None


def _step_in_arm(
    path: KeyPath, below: tuple[Node, ...], default: str, *, defines: bool
) -> _Step | None:
    """The first undefined name on a path below an arm that exists."""
    arms = [arm for tree in below if (arm := tree.find(*path[:2])) is not None]
    inner = _step(path[2:], (*below, *arms), default, defines=defines)
    if inner is None:
        return None
    return _Step(noun=inner.noun, index=inner.index + 2, defined=inner.defined)


def _fits(pattern: KeyPath, path: KeyPath) -> bool:
    return all(step in ("*", own) for step, own in zip(pattern, path, strict=True))


def _components(tree: Node, place: Place) -> Iterator[tuple[Node, list[Definition]]]:
    """The components at a place, each with its definition.

    Where its kind is unknown, with those of all kinds of its slot.
    """
    kinds = definitions()[place.slot]
    for key, node in _nodes(tree, place.path):
        kind = key if place.keyed else _kind(node)
        yield node, [kinds[kind]] if kind in kinds else list(kinds.values())


def _nodes(tree: Node, pattern: KeyPath, key: str = "") -> Iterator[tuple[str, Node]]:
    """The nodes that a pattern stands for, each with its key."""
    if not pattern:
        yield key, tree
        return
    children = tree.value if isinstance(tree.value, dict) else {}
    for name, child in children.items():
        if pattern[0] in ("*", name):
            yield from _nodes(child, pattern[1:], name)


def _kind(node: Node) -> str:
    named = node.find("kind") or node
    return named.value if isinstance(named.value, str) else ""


def _names(tree: Node, place: Place) -> Iterator[tuple[str, Node | None]]:
    """The options at a place that name components of the spec: slot of what is named, and node."""
    for node, candidates in _components(tree, place):
        referring: dict[KeyPath, str] = {}
        for item in candidates:
            referring |= {part.path: part.slot for part in item.parts if part.by == "name"}
        for path, slot in referring.items():
            yield slot, node.find(*path)


def _groups(tree: Node, place: Place) -> Iterator[Diagnostic]:
    """Keys that must be groups of a source and are not."""
    for node, candidates in _components(tree, place):
        for item in candidates:
            for path, other in item.marked("x-groups-of").items():
                yield from _unknown_groups(tree, _mapping(node, *path) or {}, node.find(*other))


def _unknown_groups(
    tree: Node, keys: Mapping[str, Node], named: Node | None
) -> Iterator[Diagnostic]:
    if named is None:
        return
    for path, words in _group_options().items():
        listed = _mapping(tree, *REFERRED["source"], str(named.value), *path)
        for group, node in keys.items():
            if listed and group not in listed:
                message = f"there is no {words['one']} '{group}' in '{named.value}'"
                yield node.key_fault("E201", message, suggest(group, listed))


def _unknown(noun: str, node: Node | None, defined: Mapping[str, Node]) -> Iterator[Diagnostic]:
    if node is not None and isinstance(node.value, str) and node.value not in defined:
        message = f"there is no {noun} '{node.value}'"
        help = f"no {noun} is defined: add one of that name"
        yield node.fault("E201", message, suggest(node.value, defined) if defined else help)


def _mapping(tree: Node, *path: str) -> dict[str, Node] | None:
    node = tree.find(*path)
    return node.value if node is not None and isinstance(node.value, dict) else None

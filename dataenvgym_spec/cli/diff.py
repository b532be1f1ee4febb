"""`dataenvgym diff`."""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from dataenvgym_spec.cli.common import (
    as_json,
    compile_specs,
    layout_here,
    plural,
    print_json,
    read_specs,
    setting,
)
from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.language.source import Json
from dataenvgym_spec.questions.diff import Difference, StageChange, diff
from dataenvgym_spec.questions.revision import extract
from dataenvgym_spec.questions.values import SideValue, ValueChange
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.merge import show_path
from dataenvgym_spec.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """What one argument names. `prefix` stands before its paths: empty for the working tree."""

    prefix: str
    specs: tuple[Resolved, ...]
    graph: Graph


@click.command("diff")
@click.argument("a")
@click.argument("b", required=False)
@setting
@as_json
def command(a: str, b: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Say what differs in meaning between two specs, and which stages that touches; A is the old one, B the new one.

    Each is a spec file or a name, in the working tree, or with `@` and a git revision as it was then. Without B, the working
    tree is compared with A: with its last commit, or with the revision that A names. What is --set holds for the new side.

    \b
    Example:
      dataenvgym diff quickstart
      dataenvgym diff quickstart@HEAD~1
      dataenvgym diff quickstart quickstart --set loop.iterations=5
      dataenvgym diff specs/quickstart.yaml@HEAD specs/quickstart.yaml
    """
    layout = layout_here()
    name, revision = _parse(a)
    layout.private.mkdir(exist_ok=True)
    # Inside of the repository, so that what git does not hold can be linked and need not be copied.
    with tempfile.TemporaryDirectory(prefix="diff-", dir=layout.private) as folder:
        old = _side(name, revision or ("" if b else "HEAD"), layout, Path(folder) / "old")
        new = _side(*_parse(b or name), layout, Path(folder) / "new", sets)
        found = diff(old.specs, old.graph, new.specs, new.graph)
    if as_json:
        print_json(
            {
                "same": all(item.equal for item in found),
                "experiments": [_record(item, old.prefix, new.prefix) for item in found],
            }
        )
    else:
        click.echo(
            "\n".join(
                line
                for item in found
                for line in _lines(item, old.prefix, new.prefix, several=len(found) > 1)
            )
        )


def _parse(text: str) -> tuple[str, str]:
    """A spec and a revision: `quickstart@HEAD~1`. A file whose name holds an `@` is itself."""
    name, _, revision = text.partition("@") if not _is_file(text) else (text, "", "")
    return name, revision


def _is_file(name: str) -> bool:
    return os.path.isfile(name)  # noqa: PTH113 (a name too long for a file is none; `Path` raises)


def _side(
    name: str, revision: str, layout: Layout, folder: Path, sets: Sequence[str] = ()
) -> _Side:
    if not revision:
        specs = read_specs([name], layout, sets)
        return _Side(prefix="", specs=specs, graph=compile_specs(specs).graph)
    is_file = name.endswith((".yaml", ".yml")) or _is_file(name)
    spec = Path(os.path.relpath(Path(name).absolute(), layout.root)).as_posix() if is_file else None
    folder.mkdir()
    extract(layout.root, revision, spec, folder)
    prefix = f"{revision}:"
    try:
        specs = read_specs(
            [str(folder / spec) if spec else name], Layout(root=folder), sets, locks="pin"
        )
        return _Side(prefix=prefix, specs=specs, graph=compile_specs(specs).graph)
    except SpecError as error:
        raise SpecError(
            [
                replace(
                    one, span=replace(one.span, file=prefix + one.span.file) if one.span else None
                )
                for one in error.diagnostics
            ]
        ) from error
    except UserError as error:
        raise UserError(f"{error.message} at revision '{revision}'", help=error.help) from error


# --- text -------------------------------------------------------------------------------------------------------------


def _lines(item: Difference, old: str, new: str, *, several: bool) -> list[str]:
    if item.new is None or item.old is None:
        return [
            f"{item.new or item.old}: the experiment is {'gone' if item.new is None else 'new'}, with {plural(item.total, 'stage')}"
        ]
    head = [f"{item.new}:"] if several else []
    if item.equal:
        return [*head, f"same meaning: all {plural(item.total, 'stage')} are the same"]
    lines = [line for change in item.changes for line in _change_lines(change, item, old, new)]
    lines += [f"arm '{name}' is new" for name in item.added] + [
        f"arm '{name}' is gone" for name in item.removed
    ]
    return [*head, *lines, *_stage_lines(item)]


def _change_lines(change: ValueChange, item: Difference, old: str, new: str) -> list[str]:
    arms = (
        ""
        if len(change.arms) == len(item.common) or not item.common
        else f"  (arm {', '.join(change.arms)})"
    )
    keyed = "" if change.keyed else "  (no stage depends on it)"
    head = f"{show_path(change.path)}: {_text(change.old)} -> {_text(change.new)}{arms}{keyed}"
    return [head, f"  {_place(change.old, old)} -> {_place(change.new, new)}"]


def _text(value: SideValue) -> str:
    if value.absent:
        return "nothing"
    text = (
        value.value if isinstance(value.value, str) else json.dumps(value.value, ensure_ascii=False)
    )
    text = text.replace("\n", " ")
    return text if len(text) <= 70 else text[:67] + "..."


def _place(value: SideValue, prefix: str) -> str:
    if value.span is None:
        return "not set" if value.absent else "default"
    return f"{prefix}{value.span.file}:{value.span.line}"


def _stage_lines(item: Difference) -> list[str]:
    if not item.stages:
        return [f"all {plural(item.total, 'stage')} are the same"]
    counts: Counter[str] = Counter()
    for change in item.stages:
        counts[change.effect] += change.count
    said = ", ".join(
        f"{counts[effect]} {effect}" for effect in ("changed", "added", "removed") if counts[effect]
    )
    return [
        f"{item.same} of {plural(item.total, 'stage')} are the same; {said}:",
        *(f"  {_stage_text(change, item)}" for change in item.stages),
    ]


def _stage_text(change: StageChange, item: Difference) -> str:
    arms = (
        ""
        if set(change.arms) >= {*item.common, *item.added}
        else f", {'arm' if len(change.arms) == 1 else 'arms'} {', '.join(change.arms)}"
    )
    where = _numbers([number for number in change.iterations if number is not None])
    return f"{change.count:4} {change.kind:9} {change.effect}{where}{arms}"


def _numbers(iterations: Sequence[int]) -> str:
    """Iterations in words, runs of them as ranges; 0 is the base student, before the loop."""
    base = ["the base"] if 0 in iterations else []
    ranges: list[list[int]] = []
    for number in iterations:
        if number and ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        elif number:
            ranges.append([number, number])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in ranges]
    words = [
        *base,
        *(
            [
                f"iteration {texts[0]}"
                if len(texts) == 1 and "-" not in texts[0]
                else f"iterations {', '.join(texts)}"
            ]
            if texts
            else []
        ),
    ]
    return f", {' and '.join(words)}" if words else ""


# --- records ----------------------------------------------------------------------------------------------------------


def _record(item: Difference, old: str, new: str) -> dict[str, Any]:
    values = [
        {
            "path": show_path(change.path),
            "old": _side_record(change.old, old),
            "new": _side_record(change.new, new),
            "arms": change.arms,
            "keyed": change.keyed,
        }
        for change in item.changes
    ]
    stages = [
        {
            "kind": one.kind,
            "effect": one.effect,
            "count": one.count,
            "iterations": one.iterations,
            "arms": one.arms,
        }
        for one in item.stages
    ]
    return {
        "old": item.old, "new": item.new, "same": item.equal, "values": values, "arms": {"added": item.added, "removed": item.removed},
        "stages": {"same": item.same, "total": item.total, "changes": stages},
    }  # fmt: skip


def _side_record(value: SideValue, prefix: str) -> dict[str, Json]:
    place: dict[str, Json] = (
        {"file": prefix + value.span.file, "line": value.span.line, "column": value.span.column}
        if value.span
        else {}
    )
    return {
        "value": value.value,
        "set": not value.absent and value.span is not None,
        "absent": value.absent,
        **place,
    }

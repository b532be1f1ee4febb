"""`dataenvgym explain`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import click

from dataenvgym_spec.cli.common import as_json, layout_here, print_json, read_specs, setting
from dataenvgym_spec.core.errors import CODES, UserError, suggest
from dataenvgym_spec.core.shown import shown_apart
from dataenvgym_spec.language.catalogue import Page, is_code, page
from dataenvgym_spec.language.source import Json
from dataenvgym_spec.questions.explain import Explanation, LayerValue, explain, leaves, plain
from dataenvgym_spec.resolve.arms import Resolved
from dataenvgym_spec.resolve.merge import KeyPath, parse_path, show_path

LONGEST: Final = 60


@dataclass(slots=True, kw_only=True)
class _Shared:
    """The explanations that some arms have in common, and the names of these arms."""

    explanations: tuple[Explanation, ...]
    arms: list[str] = field(default_factory=list)


@click.command("explain")
@click.argument("spec", metavar="SPEC|CODE")
@click.argument("path", required=False)
@setting
@as_json
def command(spec: str, path: str | None, sets: tuple[str, ...], as_json: bool) -> None:
    """Say who set a value of a spec: each file, matrix point, arm and --set that did, with the
    line, the strongest first.

    With the code of a diagnostic alone, print what it means, why, an example, and the cure.

    \b
    Example:
      dataenvgym explain quickstart student.train.learning_rate
      dataenvgym explain E102
    """
    if path is None and is_code(spec):
        _print_page(page(spec), as_json=as_json)
        return
    if path is None:
        help = "name a value, as in: dataenvgym explain quickstart loop.iterations"
        raise UserError("explain what?", help=help)
    specs = read_specs([spec], layout_here(), sets)
    groups = _explanations(specs, parse_path(path))
    if not groups:
        paths = [show_path(leaf) for leaf in _paths(specs)]
        raise UserError(f"there is no value '{path}'", help=suggest(path, paths))
    if as_json:
        print_json(_records(groups))
        return
    texts = [_text(group, named=len(groups) > 1) for group in groups]
    click.echo("\n\n".join(texts))


def _print_page(page: Page, *, as_json: bool) -> None:
    """A page of the catalogue: laid out in a terminal, as it is written elsewhere."""
    if as_json:
        print_json(_page_record(page))
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(page.text))
    else:
        click.echo(page.text, nl=False)


def _page_record(page: Page) -> dict[str, Any]:
    record: dict[str, Any] = {"code": page.code, "title": CODES[page.code]}
    for name, text in page.sections.items():
        record[name.lower()] = text
    record["yaml"] = page.block("yaml")
    record["text"] = page.block("text")
    return record


def _explanations(specs: Sequence[Resolved], path: KeyPath | None) -> list[_Shared]:
    """Who set a value, for each group of arms in which it is the same."""
    groups: list[_Shared] = []
    for item in specs:
        for arm in item.arms:
            name = f"{item.base.name}, {arm.name}" if len(specs) > 1 else arm.name
            explanations = explain(arm, path) if path else ()
            if explanations:
                _group(groups, explanations).arms.append(name)
    return groups


def _group(groups: list[_Shared], explanations: tuple[Explanation, ...]) -> _Shared:
    """The group of arms that have these explanations, or a new one."""
    for group in groups:
        if group.explanations == explanations:
            return group
    groups.append(_Shared(explanations=explanations))
    return groups[-1]


def _paths(specs: Sequence[Resolved]) -> set[KeyPath]:
    """All paths that lead to a value or to a mapping of values."""
    paths: set[KeyPath] = set()
    for item in specs:
        for arm in item.arms:
            for leaf, _ in leaves(plain(arm)):
                paths.update(leaf[:length] for length in range(1, len(leaf) + 1))
    return paths


def _text(group: _Shared, *, named: bool) -> str:
    lines = [f"arms {', '.join(group.arms)}:"] if named else []
    for item in group.explanations:
        values = [item.value, *(layer.value for layer in item.layers)]
        held, *said = shown_apart(values, LONGEST)
        lines.append(f"{show_path(item.path)} = {held}")
        for layer, value in zip(item.layers, said, strict=True):
            lines.append(f"  {layer.span!s:40} {value:16} {_effect(layer)}")
        if not any(layer.effect == "holds" for layer in item.layers):
            lines.append(f"  {'default':40}")
    return "\n".join(lines)


def _effect(layer: LayerValue) -> str:
    if layer.layer == layer.span.file:
        return layer.effect
    return f"{layer.effect}  ({layer.layer})"


def _records(groups: Sequence[_Shared]) -> list[dict[str, Any]]:
    """For programs: each value of each group of arms."""
    rows = []
    for group in groups:
        for item in group.explanations:
            layers = [_layer_record(layer) for layer in item.layers]
            path = show_path(item.path)
            rows.append({"arms": group.arms, "path": path, "value": item.value, "said": layers})
    return rows


def _layer_record(layer: LayerValue) -> dict[str, Json]:
    return {
        "layer": layer.layer,
        "file": layer.span.file,
        "line": layer.span.line,
        "column": layer.span.column,
        "value": layer.value,
        "effect": layer.effect,
    }
